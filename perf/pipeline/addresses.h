// Who is where: each session has a block of addresses behind its peer, with prefixes spread over
// it; as many prefixes lie inside, spread over one block. One prefix in eight is longer than the
// others. Which one a packet is for is up to the caller.
#pragma once

#include <cstdint>

#include "dataplane/abi/records.h"

namespace gotthard::perf::pipeline {

struct Prefix {
  abi::Address address;
  std::uint8_t length = 0;
};

class Block {
 public:
  // Block `number` of `count` equal ones with `prefixes` prefixes, at most kUnits / count. Prefixes
  // of /24 and /28, or /48 and /64.
  enum class Side : std::uint8_t { remote, inside };
  Block(Side side, abi::Family family, std::uint32_t number, std::uint32_t count,
        std::uint32_t prefixes);
  static constexpr std::uint32_t kUnits = 60U << 16;

  [[nodiscard]] std::uint32_t prefixes() const { return prefixes_; }
  [[nodiscard]] Prefix prefix(std::uint32_t index) const;
  // One of its hosts, chosen by 8 bits.
  [[nodiscard]] abi::Address host(std::uint32_t index, std::uint8_t bits) const;
  // First and last address of all.
  [[nodiscard]] abi::Address first() const { return address_of(first_); }
  [[nodiscard]] abi::Address last() const;

 private:
  [[nodiscard]] std::uint32_t unit(std::uint32_t index) const {
    return first_ + static_cast<std::uint32_t>(std::uint64_t{index} * step_ % size_);
  }
  [[nodiscard]] abi::Address address_of(std::uint32_t unit) const;

  Side side_;
  abi::Family family_;
  std::uint32_t first_;
  std::uint32_t size_;
  std::uint32_t step_;
  std::uint32_t prefixes_;
};

// The gateway and what is around it; peers by their session.
[[nodiscard]] abi::Address gateway_outside(abi::Family family);
[[nodiscard]] abi::Address gateway_inside(abi::Family family);
[[nodiscard]] abi::Address peer_outside(abi::Family family, std::uint32_t session);

}  // namespace gotthard::perf::pipeline
