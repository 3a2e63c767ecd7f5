// A port's part in ARP (RFC 826) and neighbour discovery (RFC 4861): it asks for the device's
// Ethernet address and answers for the addresses that its flows come from and go to. Bytes in and
// out; never changes: any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/abi/address.h"
#include "dataplane/wire/ethernet.h"

namespace gotthard::perf::line_rate {

class Neighbour {
 public:
  using Frame = std::vector<std::byte>;

  // Answers for all `addresses`; asks as the first of the same family.
  Neighbour(const wire::Mac& own, std::vector<abi::Address> addresses);

  // What to send back; none: the frame does not ask for us.
  [[nodiscard]] std::optional<Frame> answer(std::span<const std::byte> frame) const;
  // Who has this address? None: there is no address of its family to ask as.
  [[nodiscard]] std::optional<Frame> question(const abi::Address& wanted) const;
  // What a frame says of it.
  [[nodiscard]] std::optional<wire::Mac> learn(std::span<const std::byte> frame,
                                               const abi::Address& wanted) const;

 private:
  [[nodiscard]] bool is_ours(const abi::Address& address) const;
  [[nodiscard]] std::optional<Frame> answer_arp(std::span<const std::byte> packet) const;
  [[nodiscard]] std::optional<Frame> answer_solicitation(std::span<const std::byte> frame) const;

  wire::Mac own_;
  std::vector<abi::Address> addresses_;
};

}  // namespace gotthard::perf::line_rate
