// Commands about next hops, owners, prefixes and neighbours: control's numbers become places.
#include "base/rendezvous.h"
#include "dataplane/manager/control_side.h"

namespace gotthard::dataplane {

// The place of what the next hop names; nothing: that was not told.
std::optional<std::uint32_t> ControlSide::target_of(const abi::NextHopSet& c) const {
  switch (c.kind) {
    case abi::HopKind::neighbour:
      return neighbour_id(c.neighbour);
    case abi::HopKind::group:
      return groups_.find(c.set);
    case abi::HopKind::choice:
      return choices_.find(c.set);
    case abi::HopKind::tunnel:
      return c.peer != abi::kNoPeer ? c.peer : kNone24;
    default:
      return kNone24;
  }
}

ControlSide::Outcome ControlSide::carry_out(const abi::NextHopSet& c) {
  const auto target = target_of(c);
  if (!target) {
    return abi::Refusal::invalid;
  }
  const std::uint64_t word = NextHop{.kind = c.kind,
                                     .allow_plain = c.allow_plain != 0,
                                     .port = place_of(c.port),
                                     .interface = static_cast<std::uint8_t>(c.interface),
                                     .mtu = c.mtu,
                                     .target = *target}
                                 .pack();
  const auto place = next_hops_.set(c.next_hop, word);
  if (!place) {
    return abi::Refusal::no_memory;
  }
  state_.shared->hops.next_hops[*place].store(word, std::memory_order_relaxed);
  return std::nullopt;
}

std::uint8_t ControlSide::place_of(std::uint16_t link) const {
  static_assert(kNoLink <= UINT8_MAX);
  return static_cast<std::uint8_t>(state_.topology->current().place_of(link));
}

// Of what a next hop leads to, not of where that is kept: another control's groups are the same.
std::uint64_t ControlSide::seed_of(std::uint32_t next_hop) const {
  const NextHop hop = state_.shared->hops.next_hop(next_hop);
  RendezvousHash hash;
  hash.add(static_cast<std::uint64_t>(hop.kind), 1)
      .add(state_.topology->current().ports[hop.port].link, 2)
      .add(hop.interface, 1);
  if (hop.kind == abi::HopKind::tunnel) {
    hash.add(hop.target, 4);
  }
  if (const auto at = neighbour_addresses_.find(hop.target);
      hop.kind == abi::HopKind::neighbour && at != neighbour_addresses_.end()) {
    hash.add(at->second.first, 2).add_all(at->second.second.bytes);
  }
  return hash.value();
}

ControlSide::Outcome ControlSide::carry_out(const abi::HopGroupSet& c) {
  GroupContent content;
  std::vector<GroupMember> members;
  for (std::size_t i = 0; i < c.count; ++i) {
    const auto next_hop = next_hops_.find(c.next_hops[i]);
    if (!next_hop) {
      return abi::Refusal::invalid;
    }
    const abi::HopKind kind = state_.shared->hops.next_hop(*next_hop).kind;
    if (kind == abi::HopKind::group || kind == abi::HopKind::choice) {
      return abi::Refusal::invalid;
    }
    content.emplace_back(*next_hop, c.weights[i]);
    members.push_back({.next_hop = *next_hop,
                       .seed = seed_of(*next_hop),
                       .weight = c.weights[i],
                       .alive = (c.alive >> i & 1) != 0});
  }
  const auto place = groups_.set(c.group, content);
  if (!place) {
    return abi::Refusal::no_memory;
  }
  fill(&state_.shared->hops.groups[*place], members);
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::HopChoiceSet& c) {
  ChoiceContent content{0, c.field, {}};
  HopChoices choices{.field = c.field, .count = c.count, .otherwise = 0, .choices = {}};
  if (c.otherwise != 0) {
    const auto otherwise = next_hops_.find(c.otherwise);
    if (!otherwise) {
      return abi::Refusal::invalid;
    }
    std::get<0>(content) = *otherwise;
    choices.otherwise = static_cast<std::uint16_t>(*otherwise);
  }
  for (std::size_t i = 0; i < c.count; ++i) {
    const abi::HopChoice& from = c.choices[i];
    const auto next_hop = next_hops_.find(from.next_hop);
    if (!next_hop) {
      return abi::Refusal::invalid;
    }
    std::get<2>(content).emplace_back(*next_hop, from.dscp, from.length, from.source);
    HopChoices::Choice& to = choices.choices[i];
    to.source = from.source.bytes;
    for (std::size_t bit = 0; bit < from.length; ++bit) {
      to.mask[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
    }
    to.dscp = from.dscp;
    to.next_hop = static_cast<std::uint16_t>(*next_hop);
  }
  const bool known = choices_.place_of(content).has_value();
  const auto place = choices_.set(c.choice, content);
  if (!place) {
    return abi::Refusal::no_memory;
  }
  if (!known) {  // else workers may be reading it
    state_.shared->hops.choices[*place] = choices;
  }
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::OwnerSet& c) {
  const auto next = c.next == 0 ? std::optional(0U) : owners_.find(c.next);
  if (!next) {
    return abi::Refusal::invalid;
  }
  const std::uint64_t word = Owner{.peer = c.peer,
                                   .interface = static_cast<std::uint8_t>(c.interface),
                                   .next = static_cast<std::uint16_t>(*next)}
                                 .pack();
  const auto place = owners_.set(c.owner, word);
  if (!place) {
    return abi::Refusal::no_memory;
  }
  state_.shared->hops.owners[*place].store(word, std::memory_order_relaxed);
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::PrefixSet& c) {
  const auto place =
      c.table == abi::Table::routes ? next_hops_.find(c.value) : owners_.find(c.value);
  if (!place) {
    return abi::Refusal::invalid;
  }
  if (!state_.shared->tables->set(c.table, c.address, c.length, *place)) {
    return abi::Refusal::no_memory;
  }
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::PrefixRemove& c) {
  state_.shared->tables->remove(c.table, c.address, c.length);
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::TablesCommit&) {
  start_commit();
  return std::nullopt;
}

void ControlSide::start_commit() {
  state_.shared->tables->commit();
  committing_ = true;
  finish_commit();
}

void ControlSide::finish_commit() {
  state_.shared->tables->poll();
  if (!committing_ || state_.shared->tables->busy() || !state_.policies->settled()) {
    return;
  }
  committing_ = false;
  free_places();
  tell(abi::Applied{.serial = serial_});
  release_resolved();
}

// Until a resynchronisation has ended, prefixes that it will remove are still there.
void ControlSide::free_places() {
  if (resyncing_) {
    return;
  }
  const auto nothing = [](std::uint32_t) {};
  next_hops_.committed(nothing);
  owners_.committed(nothing);
  groups_.committed(nothing);
  choices_.committed(nothing);
  neighbours_.committed([this](std::uint32_t place) {
    const std::uint32_t id = state_.shared->hops.neighbour_id(place);
    state_.shared->hops.end_neighbour(place);
    neighbour_addresses_.erase(id);
    for (rte_mbuf* mbuf : parking_.release({.kind = WaitKind::neighbour, .number = id})) {
      state_.links->drop(mbuf, Drop::neighbour_unresolved);
    }
  });
}

ControlSide::Outcome ControlSide::carry_out(const abi::NeighbourSet& c) {
  const auto place = neighbours_.set(c.neighbour, {c.port, c.address});
  if (!place) {
    return abi::Refusal::no_memory;
  }
  const std::uint32_t id = state_.shared->hops.neighbour_id(*place);
  neighbour_addresses_[id] = {c.port, c.address};
  state_.shared->hops.set_neighbour(
      *place, {.mac = c.mac, .port = place_of(c.port), .reachable = c.reachable != 0});
  if (c.reachable == 0) {
    return std::nullopt;
  }
  for (rte_mbuf* mbuf : parking_.release({.kind = WaitKind::neighbour, .number = id})) {
    send_as(mbuf, NoteKind::send_ip, id);
  }
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::NeighbourRemove& c) {
  neighbours_.forget(c.neighbour);
  return std::nullopt;
}

// As workers know it. "None" stays so; a number that control has not told is an error.
std::optional<std::uint32_t> ControlSide::neighbour_id(std::uint32_t number) const {
  if (number == abi::kNoNeighbour) {
    return number;
  }
  const auto place = neighbours_.find(number);
  return place ? std::optional(state_.shared->hops.neighbour_id(*place)) : std::nullopt;
}

}  // namespace gotthard::dataplane
