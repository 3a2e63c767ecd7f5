#include "control/route/netlink_parser.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "control/route/netlink_attributes.h"

namespace gotthard::route {
namespace {

// ---------------------------------------------------------------- links and addresses

// Of kind `vlan`, of a link in the same network namespace. Service tags (802.1ad) are no VLANs to
// us.
void parse_vlan(const Attributes<IFLA_MAX>& attributes, Link* link) {
  nlattr* info = attributes.at[IFLA_LINKINFO];
  Attributes<IFLA_INFO_MAX> of_kind;
  Attributes<IFLA_VLAN_MAX> of_vlan;
  if (info == nullptr || attributes.has(IFLA_LINK_NETNSID) ||
      nla_parse_nested(of_kind.at.data(), IFLA_INFO_MAX, info, nullptr) < 0) {
    return;
  }
  constexpr std::string_view kKind("vlan");
  const auto kind = of_kind.bytes(IFLA_INFO_KIND);
  nlattr* data = of_kind.at[IFLA_INFO_DATA];
  if (kind.size() < kKind.size() || std::memcmp(kind.data(), kKind.data(), kKind.size()) != 0 ||
      (kind.size() > kKind.size() && kind[kKind.size()] != std::byte{0}) || data == nullptr ||
      nla_parse_nested(of_vlan.at.data(), IFLA_VLAN_MAX, data, nullptr) < 0) {
    return;
  }
  const std::uint16_t vlan = of_vlan.u16(IFLA_VLAN_ID);
  const std::uint16_t protocol = ntohs(of_vlan.u16(IFLA_VLAN_PROTOCOL));
  if (vlan > 0 && vlan <= abi::kHighestVlan && protocol == ETH_P_8021Q) {
    link->vlan = vlan;
    link->parent = static_cast<int>(attributes.u32(IFLA_LINK));
  }
}

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
  result.carrier = (link->ifi_flags & IFF_LOWER_UP) != 0;
  result.mtu = attributes.u32(IFLA_MTU);
  parse_vlan(attributes, &result);
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

ParsedMessage parse_message(const NetlinkMessage& message, const FollowedTables& tables) {
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return parse_link(message);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return parse_address(message);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return parse_route(message, tables);
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      return parse_next_hop(message);
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return parse_neighbour(message);
    case RTM_NEWRULE:
    case RTM_DELRULE:
      return parse_rule(message);
    default:
      return Ignored::irrelevant;
  }
}

}  // namespace gotthard::route
