// Next-hop objects: RTM_NEWNEXTHOP and RTM_DELNEXTHOP.
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "control/route/netlink_attributes.h"

namespace gotthard::route {
namespace {

using NextHopAttributes = Attributes<NHA_MAX>;

// The kernel's struct nexthop_grp. Newer kernels have the weight's upper byte in the field behind
// it, which older ones leave zero.
struct Member {
  std::uint32_t id;
  std::uint8_t weight;
  std::uint8_t weight_high;
  std::uint16_t reserved;
};
static_assert(sizeof(Member) == sizeof(nexthop_grp));

bool read_members(std::span<const std::byte> list, std::vector<NextHopMember>* members) {
  for (; list.size() >= sizeof(Member); list = list.subspan(sizeof(Member))) {
    Member member{};
    std::memcpy(&member, list.data(), sizeof(member));
    const unsigned weight = 1U + member.weight + (unsigned{member.weight_high} << 8);
    members->push_back(
        {member.id, static_cast<std::uint16_t>(std::min<unsigned>(weight, UINT16_MAX))});
  }
  return list.empty() && !members->empty();
}

}  // namespace

ParsedMessage parse_next_hop(const NetlinkMessage& message) {
  const auto* entry = header<nhmsg>(message);
  NextHopAttributes attributes;
  if (entry == nullptr || !parse_attributes(message, sizeof(*entry), &attributes)) {
    return Ignored::malformed;
  }
  const std::uint32_t id = attributes.u32(NHA_ID);
  if (id == 0) {
    return Ignored::malformed;
  }
  if (message.type == RTM_DELNEXTHOP) {
    return NextHopObjectGone{id};
  }
  if (attributes.has(NHA_FDB)) {  // a bridge's, no route's
    return Ignored::irrelevant;
  }
  NextHopObject result;
  result.id = id;
  if (attributes.has(NHA_GROUP)) {
    if (!read_members(attributes.bytes(NHA_GROUP), &result.members)) {
      return Ignored::malformed;
    }
    return result;
  }
  if (attributes.has(NHA_BLACKHOLE)) {
    result.type = RouteType::blackhole;
    return result;
  }
  result.hop.link = static_cast<int>(attributes.u32(NHA_OIF));
  if (attributes.has(NHA_GATEWAY)) {
    const auto family = family_of(entry->nh_family);
    const auto gateway = family ? to_address(*family, attributes.bytes(NHA_GATEWAY)) : std::nullopt;
    if (!gateway) {
      return Ignored::malformed;
    }
    result.hop.gateway = *gateway;
  }
  if (attributes.has(NHA_ENCAP_TYPE)) {
    result.type = RouteType::not_followed;
    result.obstacle = Obstacle::encapsulation;
  }
  return result;
}

}  // namespace gotthard::route
