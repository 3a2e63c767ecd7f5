// What a prefix's routes, allowed IPs and neighbours amount to: one next hop, or several to choose
// from.
#include <algorithm>

#include "control/route/fib_table.h"

namespace gotthard::route {
namespace {

// `ports` has bits. What may leave a port plain may leave its VLANs so.
bool is_plain(std::uint16_t ports, const Device& device) {
  return (ports >> abi::port_of(device.number) & 1) != 0;
}

bool is_neighbour(const std::vector<std::uint16_t>& ports, const Device& device) {
  return std::ranges::find(ports, device.number) != ports.end();
}

Hop ending(abi::HopKind kind) {
  Hop hop;
  hop.kind = kind;
  return hop;
}

// One of several by the flow; equal ones are one.
Hop shared(std::vector<HopMember> members) {
  std::ranges::sort(members, {}, &HopMember::hop);
  Hop group = ending(abi::HopKind::group);
  for (HopMember& member : members) {
    if (!group.members.empty() && group.members.back().hop == member.hop) {
      auto& weight = group.members.back().weight;
      weight = static_cast<std::uint16_t>(std::min(weight + member.weight, UINT16_MAX));
    } else {
      group.members.push_back(std::move(member));
    }
  }
  return group.members.size() == 1 ? Hop(group.members[0].hop) : group;
}

// The first that fits; what fits none goes on to `otherwise`. A choice that is too long goes on in
// another one.
Hop chosen(abi::HopField field, std::vector<HopMember> members, std::optional<Hop> otherwise) {
  while (!members.empty()) {
    Hop choice = ending(abi::HopKind::choice);
    choice.field = field;
    const std::size_t rest = (members.size() - 1) / abi::kMaxChoices * abi::kMaxChoices;
    choice.members.assign(members.begin() + static_cast<std::ptrdiff_t>(rest), members.end());
    members.resize(rest);
    if (otherwise) {
      choice.otherwise.push_back(std::move(*otherwise));
    }
    otherwise = std::move(choice);
  }
  return std::move(*otherwise);
}

// As many as a worker goes through.
constexpr std::size_t kMostExceptions = 4 * abi::kMaxChoices;

}  // namespace

// The prefix needs an entry of its own though its route is a shorter one's.
bool FibTable::differs_here(const Target& target, const Cell& cell) {
  return target.kind == Target::Kind::forward &&
         std::ranges::any_of(target.ways, [&](const Way& way) {
           if (way.device.kind == DeviceKind::tunnel) {
             return std::ranges::find(cell.allowed, way.device.number, &AllowedIp::interface) !=
                    cell.allowed.end();
           }
           return is_plain(cell.plain, way.device) ||
                  (way.gateway.family == Family::none && is_neighbour(cell.neighbour, way.device));
         });
}

Hop FibTable::hop_of(const Way& way, Family family, const PrefixKey& key, const Cell& cell,
                     const Context& context) const {
  Hop hop;
  hop.mtu = way.mtu;
  if (way.device.kind == DeviceKind::tunnel) {
    hop.interface = way.device.number;
    if (devices_->is_ipsec(way.device.number)) {  // selectors say to which child
      hop.kind = abi::HopKind::policy;
      return hop;
    }
    hop.kind = abi::HopKind::tunnel;
    hop.peer = context.peer[way.device.number];
    return hop;
  }
  const bool on_link = way.gateway.family == Family::none;
  const bool resolved = on_link && is_neighbour(cell.neighbour, way.device);
  hop.port = way.device.number;
  hop.allow_plain = is_plain(context.plain, way.device);
  hop.kind = on_link && !resolved ? abi::HopKind::glean : abi::HopKind::neighbour;
  if (hop.kind == abi::HopKind::neighbour) {
    hop.neighbour = resolved ? to_address(family, key.bits) : way.gateway;
  }
  return hop;
}

Hop FibTable::hop_of(const Target& target, Family family, const PrefixKey& key, const Cell& cell,
                     const Context& context) const {
  switch (target.kind) {
    case Target::Kind::unreachable:
      return ending(abi::HopKind::unreachable);
    case Target::Kind::prohibit:
      return ending(abi::HopKind::prohibit);
    case Target::Kind::no_route:
      return ending(abi::HopKind::no_route);
    case Target::Kind::not_followed:
      return ending(abi::HopKind::not_followed);
    case Target::Kind::local: {
      Hop hop = ending(abi::HopKind::local);
      hop.port = owner_number(target.device);
      return hop;
    }
    case Target::Kind::forward: {
      std::vector<HopMember> members;
      for (const Way& way : target.ways) {
        HopMember& member = members.emplace_back();
        member.hop = hop_of(way, family, key, cell, context);
        member.weight = way.weight;
      }
      return members.size() == 1 ? members[0].hop : shared(std::move(members));
    }
    default:
      return ending(abi::HopKind::blackhole);
  }
}

std::optional<Hop> FibTable::flatten(Family family, const PrefixKey& key, const Cell& cell,
                                     const Context& context) const {
  if (cell.local != kNoOwner) {
    Hop hop = ending(abi::HopKind::local);
    hop.port = cell.local;
    if (cell.local >= abi::kTunnelOwner) {
      hop.interface = static_cast<std::uint16_t>(cell.local - abi::kTunnelOwner);
    }
    return hop;
  }
  bool needed =
      cell.has_route() || (context.route != nullptr && differs_here(*context.route, cell));
  std::vector<HopMember> members;
  for (const auto* list : context.exceptions) {
    for (const Exception& exception : *list) {
      needed |= differs_here(exception.target, cell);
      HopMember& member = members.emplace_back();
      member.hop = hop_of(exception.target, family, key, cell, context);
      member.dscp = exception.dscp;
      member.source = exception.from;
    }
  }
  if (!needed) {
    return std::nullopt;
  }
  std::optional<Hop> hop;
  if (context.route != nullptr) {
    hop = hop_of(*context.route, family, key, cell, context);
  }
  if (members.empty()) {
    return hop;
  }
  if (members.size() > kMostExceptions) {
    return ending(abi::HopKind::not_followed);
  }
  return chosen(family == Family::ipv4 ? abi::HopField::dscp : abi::HopField::source,
                std::move(members), std::move(hop));
}

}  // namespace gotthard::route
