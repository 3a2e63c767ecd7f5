// Routes: RTM_NEWROUTE and RTM_DELROUTE.
#include <linux/rtnetlink.h>

#include <algorithm>

#include "control/route/netlink_attributes.h"

namespace gotthard::route {
namespace {

static_assert(kMainTable == RT_TABLE_MAIN);

bool has_host_bits(const Prefix& prefix) {
  for (std::size_t bit = prefix.length; bit < prefix.address.bytes.size() * 8; ++bit) {
    if ((prefix.address.bytes[bit / 8] & (0x80U >> (bit % 8))) != 0) {
      return true;
    }
  }
  return false;
}

// False: not well formed.
bool read_prefix(abi::Family family, std::uint8_t length, std::span<const std::byte> bytes,
                 Prefix* prefix) {
  prefix->length = length;
  prefix->address.family = family;
  if (length > size_of(family) * 8) {
    return false;
  }
  if (!bytes.empty()) {
    const auto address = to_address(family, bytes);
    if (!address) {
      return false;
    }
    prefix->address = *address;
  }
  return !has_host_bits(*prefix);
}

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

// False when the list is not well formed or empty.
bool read_multipath(abi::Family family, std::span<const std::byte> list, KernelRoute* route) {
  while (!list.empty()) {
    rtnexthop entry{};
    if (list.size() < sizeof(entry)) {
      return false;
    }
    std::memcpy(&entry, list.data(), sizeof(entry));
    if (entry.rtnh_len < RTNH_LENGTH(0) || entry.rtnh_len > list.size()) {
      return false;
    }
    Attributes<RTA_MAX> attributes;
    // libnl takes a mutable attribute and does not write to it.
    auto* raw = reinterpret_cast<nlattr*>(const_cast<std::byte*>(list.data() + RTNH_LENGTH(0)));
    if (nla_parse(attributes.at.data(), RTA_MAX, raw,
                  static_cast<int>(entry.rtnh_len - RTNH_LENGTH(0)), nullptr) < 0) {
      return false;
    }
    RouteHop hop;
    hop.link = entry.rtnh_ifindex;
    hop.weight = static_cast<std::uint16_t>(entry.rtnh_hops + 1U);
    if (!read_gateway(family, attributes, &hop.gateway)) {
      return false;
    }
    if (attributes.has(RTA_ENCAP_TYPE)) {
      route->obstacle = Obstacle::encapsulation;
    }
    route->hops.push_back(hop);
    list = list.subspan(std::min<std::size_t>(RTNH_ALIGN(entry.rtnh_len), list.size()));
  }
  return !route->hops.empty();
}

RouteType route_type(std::uint8_t type) {
  switch (type) {
    case RTN_UNICAST:
      return RouteType::unicast;
    case RTN_LOCAL:
    case RTN_BROADCAST:
    case RTN_ANYCAST:
      return RouteType::local;
    case RTN_BLACKHOLE:
      return RouteType::blackhole;
    case RTN_UNREACHABLE:
      return RouteType::unreachable;
    case RTN_PROHIBIT:
      return RouteType::prohibit;
    case RTN_THROW:
      return RouteType::none;
    default:
      return RouteType::not_followed;
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

// Where it leads. False: not well formed.
bool read_hops(abi::Family family, const Attributes<RTA_MAX>& attributes, KernelRoute* route) {
  if (route->type != RouteType::unicast && route->type != RouteType::local) {
    return true;
  }
  if (attributes.has(RTA_MULTIPATH)) {
    if (!read_multipath(family, attributes.bytes(RTA_MULTIPATH), route)) {
      return false;
    }
  } else if (const auto link = static_cast<int>(attributes.u32(RTA_OIF)); link > 0) {
    RouteHop hop;
    hop.link = link;
    if (!read_gateway(family, attributes, &hop.gateway)) {
      return false;
    }
    route->hops.push_back(hop);
  }
  if (attributes.has(RTA_ENCAP_TYPE)) {
    route->obstacle = Obstacle::encapsulation;
  }
  if (!normalise(&route->hops)) {
    route->obstacle = Obstacle::hops;
  }
  if (route->hops.empty() && route->next_hop == 0) {
    route->obstacle = Obstacle::type;
  }
  return true;
}

}  // namespace

bool normalise(std::vector<RouteHop>* hops) {
  std::ranges::sort(*hops);
  std::vector<RouteHop> unlike;
  for (const RouteHop& hop : *hops) {
    if (!unlike.empty() && unlike.back().link == hop.link && unlike.back().gateway == hop.gateway) {
      unlike.back().weight = static_cast<std::uint16_t>(
          std::min<unsigned>(unlike.back().weight + hop.weight, UINT16_MAX));
    } else {
      unlike.push_back(hop);
    }
  }
  *hops = std::move(unlike);
  return hops->size() <= abi::kMaxGroupHops;
}

ParsedMessage parse_route(const NetlinkMessage& message, const FollowedTables& tables) {
  const auto* entry = header<rtmsg>(message);
  Attributes<RTA_MAX> attributes;
  if (entry == nullptr || !parse_attributes(message, sizeof(*entry), &attributes)) {
    return Ignored::malformed;
  }
  const auto family = family_of(entry->rtm_family);
  const std::uint32_t table =
      attributes.has(RTA_TABLE) ? attributes.u32(RTA_TABLE) : entry->rtm_table;
  // Nothing is forwarded to a group.
  if (!family || !tables.contains(*family, table) || (entry->rtm_flags & RTM_F_CLONED) != 0 ||
      entry->rtm_type == RTN_MULTICAST) {
    return Ignored::irrelevant;
  }
  RouteMessage result;
  KernelRoute& route = result.route;
  route.table = table;
  route.type = route_type(entry->rtm_type);
  route.obstacle = route.type == RouteType::not_followed ? Obstacle::type : Obstacle::none;
  // The kernel looks at one of the two, by family, whatever the other says.
  const bool of_source = *family == abi::Family::ipv6 && entry->rtm_src_len != 0;
  route.tos = *family == abi::Family::ipv4 ? entry->rtm_tos : std::uint8_t{0};
  route.protocol = entry->rtm_protocol;
  route.metric = attributes.u32(RTA_PRIORITY);
  route.mtu = metric_mtu(attributes);
  route.next_hop = attributes.u32(RTA_NH_ID);
  if (!read_prefix(*family, entry->rtm_dst_len, attributes.bytes(RTA_DST), &route.destination) ||
      (of_source &&
       !read_prefix(*family, entry->rtm_src_len, attributes.bytes(RTA_SRC), &route.from))) {
    return Ignored::malformed;
  }
  if (attributes.has(RTA_PREFSRC)) {
    const auto source = to_address(*family, attributes.bytes(RTA_PREFSRC));
    if (!source) {
      return Ignored::malformed;
    }
    route.source = *source;
  }
  if (!read_hops(*family, attributes, &route)) {
    return Ignored::malformed;
  }
  if (route.obstacle != Obstacle::none) {
    route.type = RouteType::not_followed;
  }
  result.removed = message.type == RTM_DELROUTE;
  result.replaces = !result.removed && (message.flags & NLM_F_REPLACE) != 0;
  return result;
}

}  // namespace gotthard::route
