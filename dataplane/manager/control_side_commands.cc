// Commands about interfaces, peers and sessions, and the resynchronisation around them.
#include "base/log.h"
#include "dataplane/manager/control_side.h"

namespace gotthard::dataplane {

// ---------------------------------------------------------------- resynchronisation

ControlSide::Outcome ControlSide::carry_out(const abi::ResyncBegin&) {
  state_.peers->begin_resync();
  state_.topology->begin_resync();
  state_.shared->tables->begin_resync();
  next_hops_.begin_resync();
  owners_.begin_resync();
  groups_.begin_resync();
  choices_.begin_resync();
  neighbours_.begin_resync();
  resyncing_ = true;
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::ResyncEnd&) {
  for (const std::uint32_t peer : state_.peers->unmentioned()) {
    (void)carry_out(abi::PeerRemove{.peer = peer});
  }
  state_.topology->end_resync();
  state_.shared->tables->end_resync();
  resyncing_ = false;
  start_commit();
  return std::nullopt;
}

// ---------------------------------------------------------------- interfaces and peers

ControlSide::Outcome ControlSide::carry_out(const abi::InterfaceSet& c) {
  state_.topology->set_interface(c);
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::InterfaceRemove& c) {
  state_.topology->remove_interface(c.interface);
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::VlanSet& c) {
  if (!state_.topology->set_vlan(c)) {
    return abi::Refusal::no_memory;
  }
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::VlanRemove& c) {
  state_.topology->remove_vlan(c.link);
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::LocalAddressSet& c) {
  if (!state_.topology->add_address(c.owner, c.address)) {
    return abi::Refusal::no_memory;
  }
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::LocalAddressRemove& c) {
  state_.topology->remove_address(c.owner, c.address);
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::PeerSet& c) {
  // Reordering by workers must stay within what the peer's window forgives (half of it).
  const std::uint64_t disorder = state_.links->workers() * kBurst;
  if (2 * disorder > c.reorder_budget) {
    return abi::Refusal::invalid;
  }
  const auto neighbour = neighbour_id(c.endpoint.neighbour);
  if (!neighbour) {
    return abi::Refusal::invalid;
  }
  abi::PeerSet placed = c;
  placed.endpoint.neighbour = *neighbour;
  state_.peers->set(placed);
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::PeerRemove& c) {
  state_.sessions->remove_peer(c.peer);
  state_.peers->remove(c.peer);
  state_.directory->forget_peer(c.peer);
  for (rte_mbuf* mbuf : parking_.release({.kind = WaitKind::session, .number = c.peer})) {
    state_.links->drop(mbuf, Drop::no_peer);
  }
  return std::nullopt;
}

// ---------------------------------------------------------------- sessions

ControlSide::Outcome ControlSide::carry_out(const abi::SessionInstall& c) {
  const StoredPeer* peer = state_.peers->find(c.peer);
  if (peer == nullptr) {
    return abi::Refusal::invalid;
  }
  const Outcome outcome = state_.sessions->install(c, peer->interface, now_, now_tsc_);
  if (!outcome) {
    tell(abi::SessionInstalled{.local_id = c.local_id});
    if (c.use == abi::KeyUse::now) {
      release_session(c.peer);
    }
  }
  return outcome;
}

ControlSide::Outcome ControlSide::carry_out(const abi::SessionRemove& c) {
  state_.sessions->remove(c.local_id);
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::KeepaliveSend& c) {
  const StoredPeer* peer = state_.peers->find(c.peer);
  if (peer == nullptr) {
    return abi::Refusal::invalid;
  }
  rte_mbuf* mbuf = rte_pktmbuf_alloc(state_.pool);
  if (mbuf == nullptr) {
    return abi::Refusal::no_memory;
  }
  state_.links->send(mbuf,
                     {.kind = NoteKind::seal,
                      .origin = Origin::host,
                      .interface = peer->interface,
                      .peer = c.peer},
                     c.peer);
  return std::nullopt;
}

void ControlSide::release_session(std::uint32_t peer) {
  for (rte_mbuf* mbuf : parking_.release({.kind = WaitKind::session, .number = peer})) {
    send_as(mbuf, NoteKind::seal, peer);
  }
}

ControlSide::Outcome ControlSide::carry_out(const abi::LogLevelSet& c) {
  if (c.subsystem >= static_cast<std::uint8_t>(log::Subsystem::count)) {
    return abi::Refusal::invalid;
  }
  log::set_level(static_cast<log::Subsystem>(c.subsystem), static_cast<log::Level>(c.level));
  return std::nullopt;
}

}  // namespace gotthard::dataplane
