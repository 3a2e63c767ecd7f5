// Key Exchange and Nonce payloads (RFC 7296, sections 3.4 and 3.9). What was parsed refers to the
// message's bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "control/ike/message/chain.h"

namespace gotthard::ike {

inline constexpr std::size_t kMinNonce = 16;
inline constexpr std::size_t kMaxNonce = 256;

struct KeyExchange {
  GroupId group = GroupId::none;  // may hold groups that are not known
  Bytes data;                     // the length is the group's business
};

[[nodiscard]] std::optional<KeyExchange> parse_key_exchange(Bytes body);
void add(ChainWriter& chain, const KeyExchange& ke);

// The nonce itself: kMinNonce to kMaxNonce bytes.
[[nodiscard]] std::optional<Bytes> parse_nonce(Bytes body);
void add_nonce(ChainWriter& chain, Bytes nonce);

}  // namespace gotthard::ike
