// Reading attributes of rtnetlink messages: what the parsers of each kind share.
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "control/route/netlink_parser.h"

namespace gotthard::route {

// The attributes of one message, by type; libnl checks that each lies within the message.
template <int kMax>
struct Attributes {
  std::array<nlattr*, kMax + 1> at{};

  [[nodiscard]] std::span<const std::byte> bytes(int type) const {
    const nlattr* attribute = at[static_cast<std::size_t>(type)];
    if (attribute == nullptr) {
      return {};
    }
    return {static_cast<const std::byte*>(nla_data(attribute)),
            static_cast<std::size_t>(nla_len(attribute))};
  }
  [[nodiscard]] bool has(int type) const { return at[static_cast<std::size_t>(type)] != nullptr; }
  // 0 when absent or of another size.
  [[nodiscard]] std::uint32_t u32(int type) const { return number<std::uint32_t>(type); }
  [[nodiscard]] std::uint16_t u16(int type) const { return number<std::uint16_t>(type); }

 private:
  template <typename T>
  [[nodiscard]] T number(int type) const {
    const auto data = bytes(type);
    T value = 0;
    if (data.size() == sizeof(value)) {
      std::memcpy(&value, data.data(), sizeof(value));
    }
    return value;
  }
};

template <typename Header>
const Header* header(const NetlinkMessage& message) {
  if (message.bytes.size() < NLMSG_HDRLEN + sizeof(Header)) {
    return nullptr;
  }
  return reinterpret_cast<const Header*>(message.bytes.data() + NLMSG_HDRLEN);
}

template <int kMax>
bool parse_attributes(const NetlinkMessage& message, int header_size, Attributes<kMax>* to) {
  // libnl takes a mutable header and does not write to it.
  auto* raw = reinterpret_cast<nlmsghdr*>(const_cast<std::byte*>(message.bytes.data()));
  return nlmsg_parse(raw, header_size, to->at.data(), kMax, nullptr) >= 0;
}

inline std::optional<abi::Family> family_of(std::uint8_t family) {
  if (family == AF_INET) {
    return abi::Family::ipv4;
  }
  if (family == AF_INET6) {
    return abi::Family::ipv6;
  }
  return std::nullopt;
}

inline std::size_t size_of(abi::Family family) { return family == abi::Family::ipv4 ? 4 : 16; }

inline std::optional<Address> to_address(abi::Family family, std::span<const std::byte> bytes) {
  if (bytes.size() != size_of(family)) {
    return std::nullopt;
  }
  Address address;
  address.family = family;
  std::memcpy(address.bytes.data(), bytes.data(), bytes.size());
  return address;
}

// Sorted, equal ways as one with their weights' sum. False: more than a group holds.
[[nodiscard]] bool normalise(std::vector<RouteHop>* hops);

[[nodiscard]] ParsedMessage parse_route(const NetlinkMessage& message,
                                        const FollowedTables& tables);
[[nodiscard]] ParsedMessage parse_next_hop(const NetlinkMessage& message);
[[nodiscard]] ParsedMessage parse_rule(const NetlinkMessage& message);

}  // namespace gotthard::route
