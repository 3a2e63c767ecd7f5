#include "control/route/netlink_parser.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <array>
#include <cstring>
#include <optional>

namespace gotthard::route {
namespace {

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
  [[nodiscard]] std::uint32_t u32(int type) const {
    const auto data = bytes(type);
    std::uint32_t value = 0;
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

std::optional<abi::Family> family_of(std::uint8_t family) {
  if (family == AF_INET) {
    return abi::Family::ipv4;
  }
  if (family == AF_INET6) {
    return abi::Family::ipv6;
  }
  return std::nullopt;
}

std::size_t size_of(abi::Family family) { return family == abi::Family::ipv4 ? 4 : 16; }

std::optional<Address> to_address(abi::Family family, std::span<const std::byte> bytes) {
  if (bytes.size() != size_of(family)) {
    return std::nullopt;
  }
  Address address;
  address.family = family;
  std::memcpy(address.bytes.data(), bytes.data(), bytes.size());
  return address;
}

bool has_host_bits(const Prefix& prefix) {
  for (std::size_t bit = prefix.length; bit < prefix.address.bytes.size() * 8; ++bit) {
    if ((prefix.address.bytes[bit / 8] & (0x80U >> (bit % 8))) != 0) {
      return true;
    }
  }
  return false;
}

// ---------------------------------------------------------------- links and addresses

ParsedMessage parse_link(const NetlinkMessage& message) {
  const auto* link = header<ifinfomsg>(message);
  Attributes<IFLA_MAX> attributes;
  if (link == nullptr || !parse_attributes(message, sizeof(*link), &attributes)) {
    return Ignored::malformed;
  }
  // AF_BRIDGE: a bridge's view of its port, which comes and goes apart from the link.
  if (link->ifi_family != AF_UNSPEC) {
    return Ignored::irrelevant;
  }
  if (link->ifi_index <= 0) {
    return Ignored::malformed;
  }
  if (message.type == RTM_DELLINK) {
    return LinkGone{link->ifi_index};
  }
  const auto name = attributes.bytes(IFLA_IFNAME);
  const auto* text = reinterpret_cast<const char*>(name.data());
  const std::size_t length = name.empty() ? 0 : strnlen(text, name.size());
  if (length == 0 || length >= IFNAMSIZ || length == name.size()) {
    return Ignored::malformed;
  }
  Link result;
  result.index = link->ifi_index;
  result.name.assign(text, length);
  result.up = (link->ifi_flags & IFF_UP) != 0;
  result.mtu = attributes.u32(IFLA_MTU);
  return result;
}

ParsedMessage parse_address(const NetlinkMessage& message) {
  const auto* entry = header<ifaddrmsg>(message);
  Attributes<IFA_MAX> attributes;
  if (entry == nullptr || !parse_attributes(message, sizeof(*entry), &attributes)) {
    return Ignored::malformed;
  }
  const auto family = family_of(entry->ifa_family);
  if (!family) {
    return Ignored::irrelevant;
  }
  // On a point-to-point link IFA_ADDRESS is the other end and IFA_LOCAL is ours.
  const auto address =
      to_address(*family, attributes.bytes(attributes.has(IFA_LOCAL) ? IFA_LOCAL : IFA_ADDRESS));
  const int link = static_cast<int>(entry->ifa_index);
  if (!address || link <= 0 || entry->ifa_prefixlen > size_of(*family) * 8) {
    return Ignored::malformed;
  }
  const std::uint32_t flags =
      attributes.has(IFA_FLAGS) ? attributes.u32(IFA_FLAGS) : entry->ifa_flags;
  // Another station has it: the kernel does not answer for it either.
  if (message.type == RTM_DELADDR || (flags & IFA_F_DADFAILED) != 0) {
    return LocalAddressGone{link, *address, entry->ifa_prefixlen};
  }
  // IFA_F_TEMPORARY is IFA_F_SECONDARY for IPv4, where it is no reason against a source.
  const std::uint32_t unfit =
      IFA_F_TENTATIVE | IFA_F_DEPRECATED |
      (*family == abi::Family::ipv6 ? static_cast<std::uint32_t>(IFA_F_TEMPORARY) : 0U);
  return LocalAddress{link, *address, entry->ifa_prefixlen, (flags & unfit) == 0};
}

// ---------------------------------------------------------------- routes

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

// ---------------------------------------------------------------- neighbours

std::optional<Reachability> reachability(std::uint16_t state) {
  if ((state & (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP)) != 0) {
    return Reachability::reachable;
  }
  // DELAY and PROBE: being confirmed, still used meanwhile.
  if ((state & (NUD_DELAY | NUD_PROBE)) != 0) {
    return Reachability::reachable;
  }
  if ((state & NUD_STALE) != 0) {
    return Reachability::stale;
  }
  if ((state & NUD_FAILED) != 0) {
    return Reachability::failed;
  }
  if ((state & NUD_INCOMPLETE) != 0 || state == NUD_NONE) {
    return Reachability::incomplete;
  }
  return std::nullopt;
}

ParsedMessage parse_neighbour(const NetlinkMessage& message) {
  const auto* entry = header<ndmsg>(message);
  Attributes<NDA_MAX> attributes;
  if (entry == nullptr || !parse_attributes(message, sizeof(*entry), &attributes)) {
    return Ignored::malformed;
  }
  const auto family = family_of(entry->ndm_family);
  if (!family || (entry->ndm_flags & NTF_PROXY) != 0) {
    return Ignored::irrelevant;
  }
  const auto address = to_address(*family, attributes.bytes(NDA_DST));
  const auto state = reachability(entry->ndm_state);
  if (!address || !state || entry->ndm_ifindex <= 0) {
    return Ignored::malformed;
  }
  if (message.type == RTM_DELNEIGH) {
    return NeighbourGone{entry->ndm_ifindex, *address};
  }
  Neighbour result;
  result.link = entry->ndm_ifindex;
  result.address = *address;
  result.state = *state;
  if (*state == Reachability::reachable || *state == Reachability::stale) {
    const auto mac = attributes.bytes(NDA_LLADDR);
    // A link without Ethernet addresses (a TUN), or a group: NOARP entries for multicast and
    // broadcast are no neighbours.
    if (mac.size() != result.mac.size() || (std::to_integer<unsigned>(mac[0]) & 1U) != 0) {
      return Ignored::irrelevant;
    }
    std::memcpy(result.mac.data(), mac.data(), mac.size());
  }
  return result;
}

}  // namespace

bool for_each_message(std::span<const std::byte> datagram,
                      const std::function<void(const NetlinkMessage&)>& each) {
  while (!datagram.empty()) {
    nlmsghdr raw{};
    if (datagram.size() < sizeof(raw)) {
      return false;
    }
    std::memcpy(&raw, datagram.data(), sizeof(raw));
    if (raw.nlmsg_len < sizeof(raw) || raw.nlmsg_len > datagram.size()) {
      return false;
    }
    each({raw.nlmsg_type, raw.nlmsg_flags, raw.nlmsg_seq, datagram.first(raw.nlmsg_len)});
    datagram = datagram.subspan(std::min<std::size_t>(NLMSG_ALIGN(raw.nlmsg_len), datagram.size()));
  }
  return true;
}

ParsedMessage parse_message(const NetlinkMessage& message) {
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return parse_link(message);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return parse_address(message);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return parse_route(message);
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return parse_neighbour(message);
    default:
      return Ignored::irrelevant;
  }
}

}  // namespace gotthard::route
