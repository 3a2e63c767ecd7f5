// Notify, Delete and Vendor ID payloads (RFC 7296, sections 3.10 to 3.12). What was parsed refers
// to the message's bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "control/ike/message/chain.h"

namespace gotthard::ike {

struct Notify {
  Protocol protocol = Protocol::none;  // any
  NotifyType type = NotifyType::invalid_syntax;
  std::optional<std::uint32_t> spi;  // of AH or ESP; others are not kept
  Bytes data;
};

[[nodiscard]] std::optional<Notify> parse_notify(Bytes body);
void add(ChainWriter& chain, const Notify& notify);

struct Delete {
  static constexpr std::size_t kMaxSpis = 1024;
  Protocol protocol = Protocol::ike;  // any
  std::vector<std::uint32_t> spis;    // inbound ones of the sender; none for the IKE SA itself
  bool operator==(const Delete&) const = default;
};

[[nodiscard]] std::optional<Delete> parse_delete(Bytes body);
void add(ChainWriter& chain, const Delete& payload);

void add_vendor_id(ChainWriter& chain, Bytes id);

}  // namespace gotthard::ike
