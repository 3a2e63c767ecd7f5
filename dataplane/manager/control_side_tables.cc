// Commands about next hops, owners, prefixes and neighbours: control's numbers become places.
#include "dataplane/manager/control_side.h"

namespace gotthard::dataplane {

ControlSide::Outcome ControlSide::carry_out(const abi::NextHopSet& c) {
  std::uint32_t target = kNone24;
  if (c.kind == abi::HopKind::neighbour) {
    const auto neighbour = neighbour_id(c.neighbour);
    if (!neighbour) {
      return abi::Refusal::invalid;
    }
    target = *neighbour;
  } else if (c.kind == abi::HopKind::tunnel && c.peer != abi::kNoPeer) {
    target = c.peer;
  }
  const std::uint64_t word = NextHop{.kind = c.kind,
                                     .allow_plain = c.allow_plain != 0,
                                     .port = static_cast<std::uint8_t>(c.port),
                                     .interface = static_cast<std::uint8_t>(c.interface),
                                     .mtu = c.mtu,
                                     .target = target}
                                 .pack();
  const auto place = next_hops_.set(c.next_hop, word);
  if (!place) {
    return abi::Refusal::no_memory;
  }
  state_.shared->hops.next_hops[*place].store(word, std::memory_order_relaxed);
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
  if (!committing_ || state_.shared->tables->busy()) {
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
      *place,
      {.mac = c.mac, .port = static_cast<std::uint8_t>(c.port), .reachable = c.reachable != 0});
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
