// Routes: RTM_NEWROUTE and RTM_DELROUTE.
#include <linux/rtnetlink.h>

#include <algorithm>

#include "control/route/netlink_attributes.h"

namespace gotthard::route {
namespace {

bool has_host_bits(const Prefix& prefix) {
  for (std::size_t bit = prefix.length; bit < prefix.address.bytes.size() * 8; ++bit) {
    if ((prefix.address.bytes[bit / 8] & (0x80U >> (bit % 8))) != 0) {
      return true;
    }
  }
  return false;
}

struct Hop {
  int link = 0;
  Address gateway;
};

// RTA_GATEWAY has the route's family, RTA_VIA says its own.
bool read_gateway(abi::Family family, const Attributes<RTA_MAX>& attributes, Address* gateway) {
  if (attributes.has(RTA_GATEWAY)) {
    const auto address = to_address(family, attributes.bytes(RTA_GATEWAY));
    if (!address) {
      return false;
    }
    *gateway = *address;
  } else if (attributes.has(RTA_VIA)) {
    const auto via = attributes.bytes(RTA_VIA);
    std::uint16_t number = 0;
    if (via.size() < sizeof(number)) {
      return false;
    }
    std::memcpy(&number, via.data(), sizeof(number));
    const auto via_family = family_of(static_cast<std::uint8_t>(number));
    const auto address =
        via_family ? to_address(*via_family, via.subspan(sizeof(number))) : std::nullopt;
    if (!address) {
      return false;
    }
    *gateway = *address;
  }
  // "::" as a gateway means on-link.
  if (gateway->bytes == Address{}.bytes) {
    *gateway = Address{};
  }
  return true;
}

// The first hop that is not dead; false when the list is not well formed or has none.
bool read_multipath(abi::Family family, std::span<const std::byte> list, Hop* hop) {
  std::optional<Hop> first;
  while (!list.empty()) {
    rtnexthop entry{};
    if (list.size() < sizeof(entry)) {
      return false;
    }
    std::memcpy(&entry, list.data(), sizeof(entry));
    if (entry.rtnh_len < sizeof(entry) || entry.rtnh_len > list.size()) {
      return false;
    }
    Attributes<RTA_MAX> attributes;
    auto* raw = reinterpret_cast<nlattr*>(const_cast<std::byte*>(list.data()) + RTNH_LENGTH(0));
    if (nla_parse(attributes.at.data(), RTA_MAX, raw,
                  static_cast<int>(entry.rtnh_len - RTNH_LENGTH(0)), nullptr) < 0) {
      return false;
    }
    Hop candidate;
    candidate.link = entry.rtnh_ifindex;
    if (!read_gateway(family, attributes, &candidate.gateway)) {
      return false;
    }
    if (!first && (entry.rtnh_flags & RTNH_F_DEAD) == 0) {
      first = candidate;
    }
    list = list.subspan(std::min<std::size_t>(RTNH_ALIGN(entry.rtnh_len), list.size()));
  }
  if (first) {
    *hop = *first;
  }
  return first.has_value();
}

std::optional<RouteType> route_type(std::uint8_t type) {
  switch (type) {
    case RTN_UNICAST:
      return RouteType::unicast;
    case RTN_LOCAL:
      return RouteType::local;
    case RTN_BLACKHOLE:
      return RouteType::blackhole;
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
    case RTN_THROW:
      return RouteType::unreachable;
    default:
      return std::nullopt;
  }
}

std::uint32_t metric_mtu(const Attributes<RTA_MAX>& attributes) {
  nlattr* metrics = attributes.at[RTA_METRICS];
  Attributes<RTAX_MAX> values;
  if (metrics == nullptr || nla_parse_nested(values.at.data(), RTAX_MAX, metrics, nullptr) < 0) {
    return 0;
  }
  return values.u32(RTAX_MTU);
}

}  // namespace

ParsedMessage parse_route(const NetlinkMessage& message) {
  const auto* entry = header<rtmsg>(message);
  Attributes<RTA_MAX> attributes;
  if (entry == nullptr || !parse_attributes(message, sizeof(*entry), &attributes)) {
    return Ignored::malformed;
  }
  const auto family = family_of(entry->rtm_family);
  const std::uint32_t table =
      attributes.has(RTA_TABLE) ? attributes.u32(RTA_TABLE) : entry->rtm_table;
  if (!family || table != RT_TABLE_MAIN || (entry->rtm_flags & RTM_F_CLONED) != 0) {
    return Ignored::irrelevant;
  }
  // Source-specific routes cannot be looked up by destination alone.
  const auto type = route_type(entry->rtm_type);
  if (!type || entry->rtm_src_len != 0) {
    return Ignored::unsupported;
  }
  RouteMessage result;
  KernelRoute& route = result.route;
  route.type = *type;
  route.tos = entry->rtm_tos;
  route.protocol = entry->rtm_protocol;
  route.metric = attributes.u32(RTA_PRIORITY);
  route.mtu = metric_mtu(attributes);
  route.destination.length = entry->rtm_dst_len;
  route.destination.address.family = *family;
  if (entry->rtm_dst_len > size_of(*family) * 8) {
    return Ignored::malformed;
  }
  if (attributes.has(RTA_DST)) {
    const auto destination = to_address(*family, attributes.bytes(RTA_DST));
    if (!destination) {
      return Ignored::malformed;
    }
    route.destination.address = *destination;
  }
  if (has_host_bits(route.destination)) {
    return Ignored::malformed;
  }
  if (attributes.has(RTA_PREFSRC)) {
    const auto source = to_address(*family, attributes.bytes(RTA_PREFSRC));
    if (!source) {
      return Ignored::malformed;
    }
    route.source = *source;
  }
  if (route.type == RouteType::unicast && attributes.has(RTA_MULTIPATH)) {
    Hop hop;
    if (!read_multipath(*family, attributes.bytes(RTA_MULTIPATH), &hop)) {
      return Ignored::malformed;
    }
    result.multipath = true;
    route.link = hop.link;
    route.gateway = hop.gateway;
  } else if (route.type == RouteType::unicast || route.type == RouteType::local) {
    route.link = static_cast<int>(attributes.u32(RTA_OIF));
    if (!read_gateway(*family, attributes, &route.gateway)) {
      return Ignored::malformed;
    }
  }
  // Without a link there is nothing to follow (encapsulation, or next-hop objects that the kernel
  // does not spell out because net.ipv4.nexthop_compat_mode is 0).
  if (route.type == RouteType::unicast && route.link <= 0) {
    return Ignored::unsupported;
  }
  result.removed = message.type == RTM_DELROUTE;
  result.replaces = !result.removed && (message.flags & NLM_F_REPLACE) != 0;
  return result;
}

}  // namespace gotthard::route
