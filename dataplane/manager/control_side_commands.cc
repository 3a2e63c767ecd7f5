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

// Reordering by workers must stay within what the peer's window forgives (half of it). ESP's may be
// small: then one worker seals. Nothing: that cannot be.
std::optional<std::uint8_t> ControlSide::sealing_worker(const abi::PeerSet& c) const {
  const std::size_t workers = state_.links->workers();
  if (workers == 1 || 2 * workers * kBurst <= c.reorder_budget) {
    return abi::kAnyWorker;
  }
  if (c.kind == abi::PeerKind::wireguard) {
    return std::nullopt;
  }
  const std::size_t chosen = c.sealing_worker == abi::kAnyWorker ? c.peer : c.sealing_worker;
  return static_cast<std::uint8_t>(chosen % workers);
}

ControlSide::Outcome ControlSide::carry_out(const abi::PeerSet& c) {
  const auto sealer = sealing_worker(c);
  if (!sealer) {
    return abi::Refusal::invalid;
  }
  const auto neighbour = neighbour_id(c.endpoint.neighbour);
  if (!neighbour) {
    return abi::Refusal::invalid;
  }
  abi::PeerSet placed = c;
  placed.endpoint.neighbour = *neighbour;
  state_.peers->set(placed, *sealer);
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::PeerRemove& c) {
  state_.sessions->remove_peer(c.peer);
  state_.policies->remove(c.peer);
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
  if (peer->command.kind != abi::PeerKind::wireguard) {
    return abi::Refusal::invalid;
  }
  return tell_installed(state_.sessions->install(c, peer->interface, now_, now_tsc_), c.local_id,
                        c.use, c.peer);
}

ControlSide::Outcome ControlSide::carry_out(const abi::SaInstall& c) {
  const StoredPeer* peer = state_.peers->find(c.peer);
  if (peer == nullptr || peer->command.kind == abi::PeerKind::wireguard) {
    return abi::Refusal::invalid;
  }
  return tell_installed(state_.sessions->install(c, peer->interface, now_, now_tsc_), c.local_id,
                        c.use, c.peer);
}

ControlSide::Outcome ControlSide::tell_installed(const Outcome& outcome, std::uint32_t local_id,
                                                 abi::KeyUse use, std::uint32_t peer) {
  if (!outcome) {
    tell(abi::SessionInstalled{.local_id = local_id});
    if (use == abi::KeyUse::now) {
      release_session(peer);
    }
  }
  return outcome;
}

ControlSide::Outcome ControlSide::carry_out(const abi::SelectorAdd& c) {
  return state_.policies->add(c) ? std::nullopt : std::optional(abi::Refusal::invalid);
}

ControlSide::Outcome ControlSide::carry_out(const abi::SelectorsCommit& c) {
  const StoredPeer* peer = state_.peers->find(c.peer);
  if (peer == nullptr || !state_.policies->commit(c, peer->interface)) {
    return abi::Refusal::invalid;
  }
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::SessionRemove& c) {
  if (c.linger_ns != 0) {
    state_.sessions->linger(c.local_id, now_ + c.linger_ns);
  } else {
    state_.sessions->remove(c.local_id);
  }
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::SessionUse& c) {
  return state_.sessions->use(c.local_id) ? std::nullopt : std::optional(abi::Refusal::invalid);
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
