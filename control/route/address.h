// Addresses and prefixes as numbers, and the questions that routing asks of them.
#pragma once

#include <bit>
#include <cstdint>

#include "control/config/config.h"

namespace gotthard::route {

using abi::Address;
using abi::Family;
using config::Prefix;

// The first bit of the address is the highest; IPv4 is in the upper 32 bits.
using Bits = unsigned __int128;
inline constexpr unsigned kBits = 128;

[[nodiscard]] inline Bits to_bits(const Address& address) {
  Bits bits = 0;
  for (const std::uint8_t byte : address.bytes) {
    bits = (bits << 8) | byte;
  }
  return bits;
}
[[nodiscard]] inline Address to_address(Family family, Bits bits) {
  Address address;
  address.family = family;
  for (std::size_t i = address.bytes.size(); i-- > 0; bits >>= 8) {
    address.bytes[i] = static_cast<std::uint8_t>(bits);
  }
  return address;
}
[[nodiscard]] inline Bits mask(unsigned length) {
  return length == 0 ? 0 : ~Bits{0} << (kBits - length);
}
[[nodiscard]] inline bool bit_at(Bits bits, unsigned index) {
  return ((bits >> (kBits - 1 - index)) & 1) != 0;
}
[[nodiscard]] inline unsigned leading_zeros(Bits bits) {
  const auto high = static_cast<std::uint64_t>(bits >> 64);
  return static_cast<unsigned>(high != 0 ? std::countl_zero(high)
                                         : 64 + std::countl_zero(static_cast<std::uint64_t>(bits)));
}

struct PrefixKey {
  Bits bits = 0;  // beyond `length` zero
  std::uint8_t length = 0;
  bool operator==(const PrefixKey&) const = default;
  auto operator<=>(const PrefixKey&) const = default;
};
[[nodiscard]] inline PrefixKey to_key(const Prefix& prefix) {
  return {to_bits(prefix.address) & mask(prefix.length), prefix.length};
}
[[nodiscard]] inline Prefix to_prefix(Family family, const PrefixKey& key) {
  return {to_address(family, key.bits), key.length};
}
[[nodiscard]] inline bool covers(const PrefixKey& outer, const PrefixKey& inner) {
  return outer.length <= inner.length && ((outer.bits ^ inner.bits) & mask(outer.length)) == 0;
}

[[nodiscard]] inline std::uint8_t full_length(Family family) {
  return family == Family::ipv4 ? 32 : 128;
}
[[nodiscard]] inline Prefix host_prefix(const Address& address) {
  return {address, full_length(address.family)};
}
[[nodiscard]] inline bool covers(const Prefix& prefix, const Address& address) {
  return prefix.address.family == address.family &&
         covers(to_key(prefix), to_key(host_prefix(address)));
}

[[nodiscard]] inline bool is_link_local(const Address& a) {
  return a.family == Family::ipv6 && a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0x80;
}
[[nodiscard]] inline bool is_multicast(const Address& a) {
  return a.family == Family::ipv6 ? a.bytes[0] == 0xff : (a.bytes[0] & 0xf0) == 0xe0;
}
// The first and last address of an IPv4 network: no station has them (RFC 3021: but in a /31).
[[nodiscard]] inline bool is_network_or_broadcast(const Prefix& network, const Address& address) {
  if (address.family != Family::ipv4 || network.length > 30 || !covers(network, address)) {
    return false;
  }
  const auto host = static_cast<std::uint32_t>(to_bits(address) >> 96);
  const auto hosts = static_cast<std::uint32_t>(0xffffffffULL >> network.length);
  return (host & hosts) == 0 || (host & hosts) == hosts;
}

}  // namespace gotthard::route
