#include "dataplane/manager/control_side.h"

#include <utility>

#include "base/log.h"
#include "crypto/secret.h"
#include "dataplane/manager/handshake_packets.h"

namespace gotthard::dataplane {
namespace {

// So that a flood of commands leaves time for packets.
constexpr int kCommandsPerRound = 256;
constexpr std::size_t kMaxUntold = 65536;

// Only a SessionInstall has secrets; its copy ends here.
void wipe_keys(abi::CommandBody* body) {
  if (auto* install = std::get_if<abi::SessionInstall>(body)) {
    crypto::wipe(std::as_writable_bytes(std::span(install->send_key)));
    crypto::wipe(std::as_writable_bytes(std::span(install->receive_key)));
  }
}

}  // namespace

ControlSide::ControlSide(const ManagedState& state)
    : state_(state),
      parking_([links = state.links](rte_mbuf* mbuf, Drop reason) { links->drop(mbuf, reason); }) {}

void ControlSide::attach(std::unique_ptr<Attachment> attachment) {
  attachment_ = std::move(attachment);
  // What was untold belonged to the one that is gone: the new one reads the directory.
  untold_.clear();
  held_.reset();
}

void ControlSide::detach() { attachment_.reset(); }

bool ControlSide::serve(Nanoseconds now, std::uint64_t now_tsc) {
  now_ = now;
  now_tsc_ = now_tsc;
  if (attachment_ == nullptr) {
    return false;
  }
  flush_events();
  const bool more = serve_commands();
  serve_packets();
  attachment_->flush();
  return more;
}

bool ControlSide::serve_commands() {
  bool refused = false;
  int count = 0;
  // A commit that is under way holds back what was sent after it: order is kept.
  while (!committing_ && count < kCommandsPerRound) {
    auto body = attachment_->next_command(&serial_, &refused);
    if (!body && !refused) {
      return false;
    }
    ++count;
    if (refused) {
      refuse(serial_, 0, abi::Refusal::invalid);
      continue;
    }
    const Outcome outcome = std::visit([&](const auto& c) { return carry_out(c); }, *body);
    if (outcome) {
      const auto* install = std::get_if<abi::SessionInstall>(&*body);
      refuse(serial_, install != nullptr ? install->local_id : 0, *outcome);
    }
    wipe_keys(&*body);
  }
  return count == kCommandsPerRound;
}

// A packet may rely on commands that were sent before it (its neighbour's), over another ring:
// those come first.
void ControlSide::serve_packets() {
  bool refused = false;
  for (int i = 0; i < kCommandsPerRound; ++i) {
    if (!held_) {
      held_ = attachment_->next_injected(&refused);
    }
    if (refused) {
      ++commands_refused_;
      continue;
    }
    if (!held_ || serve_commands() || committing_) {
      return;
    }
    inject(*held_);
    held_.reset();
  }
}

void ControlSide::tick(Nanoseconds now) {
  now_ = now;
  finish_commit();
  parking_.expire(now);
  flush_events();
  if (attachment_ != nullptr) {
    attachment_->flush();
  }
}

void ControlSide::tell(const abi::EventBody& event) {
  // A confirmed session is one to seal with: what waited for it goes on.
  if (const auto* confirmed = std::get_if<abi::SessionConfirmed>(&event)) {
    const auto slot = state_.sessions->slots().find(confirmed->local_id & abi::kSlotMask);
    if (slot != state_.sessions->slots().end()) {
      release_session(slot->second.peer);
    }
  }
  if (attachment_ == nullptr) {
    return;
  }
  if (untold_.empty() && attachment_->send(event)) {
    return;
  }
  if (untold_.size() == kMaxUntold) {
    ++events_lost_;
    return;
  }
  untold_.push_back(event);
}

void ControlSide::flush_events() {
  while (attachment_ != nullptr && !untold_.empty() && attachment_->send(untold_.front())) {
    untold_.pop_front();
  }
}

void ControlSide::refuse(std::uint64_t serial, std::uint32_t local_id, abi::Refusal reason) {
  ++commands_refused_;
  log::event(log::Level::warning, log::Subsystem::dataplane, "command_refused",
             {{"serial", serial}, {"reason", static_cast<int>(reason)}});
  tell(abi::CommandRefused{.serial = serial, .local_id = local_id, .reason = reason});
}

// ---------------------------------------------------------------- resynchronisation

ControlSide::Outcome ControlSide::carry_out(const abi::ResyncBegin&) {
  state_.peers->begin_resync();
  state_.topology->begin_resync();
  state_.shared->tables->begin_resync();
  next_hops_.begin_resync();
  owners_.begin_resync();
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
  const auto neighbour = neighbour_place(c.endpoint.neighbour);
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

// ---------------------------------------------------------------- tables

ControlSide::Outcome ControlSide::carry_out(const abi::NextHopSet& c) {
  std::uint32_t target = kNone24;
  if (c.kind == abi::HopKind::neighbour) {
    const auto neighbour = neighbours_.find(c.neighbour);
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
    neighbour_places_.erase(place);
    state_.shared->hops.neighbours[place].store(0, std::memory_order_relaxed);
  });
}

ControlSide::Outcome ControlSide::carry_out(const abi::NeighbourSet& c) {
  const auto place = neighbours_.set(c.neighbour, {c.port, c.address});
  if (!place) {
    return abi::Refusal::no_memory;
  }
  neighbour_places_[*place] = {c.port, c.address};
  const Neighbour entry{
      .mac = c.mac, .port = static_cast<std::uint8_t>(c.port), .reachable = c.reachable != 0};
  state_.shared->hops.neighbours[*place].store(entry.pack(), std::memory_order_relaxed);
  if (c.reachable == 0) {
    return std::nullopt;
  }
  for (rte_mbuf* mbuf : parking_.release({.kind = WaitKind::neighbour, .number = *place})) {
    send_as(mbuf, NoteKind::send_ip, *place);
  }
  return std::nullopt;
}

ControlSide::Outcome ControlSide::carry_out(const abi::NeighbourRemove& c) {
  neighbours_.forget(c.neighbour);
  return std::nullopt;
}

// "None" stays so; a number that control has not told is an error.
std::optional<std::uint32_t> ControlSide::neighbour_place(std::uint32_t number) const {
  return number == abi::kNoNeighbour ? std::optional(number) : neighbours_.find(number);
}

ControlSide::Outcome ControlSide::carry_out(const abi::LogLevelSet& c) {
  if (c.subsystem >= static_cast<std::uint8_t>(log::Subsystem::count)) {
    return abi::Refusal::invalid;
  }
  log::set_level(static_cast<log::Subsystem>(c.subsystem), static_cast<log::Level>(c.level));
  return std::nullopt;
}

// ---------------------------------------------------------------- packets

void ControlSide::inject(const abi::PacketRecord& record) {
  // Control may speak only from the gateway's addresses and its tunnels' ports.
  if (!state_.topology->is_local(record.local) ||
      state_.topology->current().listener(record.local_port) == abi::kMaxInterfaces) {
    ++commands_refused_;
    return;
  }
  const auto neighbour = neighbour_place(record.neighbour);
  if (!neighbour) {
    ++commands_refused_;
    return;
  }
  rte_mbuf* mbuf = to_packet(record, state_.pool);
  if (mbuf == nullptr) {
    state_.links->count(Drop::no_mbuf);
    return;
  }
  state_.links->send(mbuf,
                     {.kind = NoteKind::send_ip, .origin = Origin::outer, .neighbour = *neighbour},
                     *neighbour);
}

void ControlSide::take(rte_mbuf* mbuf, Nanoseconds now) {
  switch (packet_note(mbuf)->kind) {
    case NoteKind::punt:
      punt(mbuf);
      break;
    case NoteKind::moved:
      if (const auto moved = to_move(frame_bytes(mbuf), *packet_note(mbuf))) {
        tell(*moved);
      }
      rte_pktmbuf_free(mbuf);
      break;
    default:
      park(mbuf, now);
      break;
  }
}

void ControlSide::punt(rte_mbuf* mbuf) {
  const auto record = to_record(frame_bytes(mbuf), *packet_note(mbuf));
  if (!record) {
    state_.links->drop(mbuf, Drop::wg_bad_length);
    return;
  }
  if (attachment_ == nullptr || !attachment_->punt(*record)) {
    ++punts_lost_;
    state_.links->drop(mbuf, Drop::punt_ring_full);
    return;
  }
  rte_pktmbuf_free(mbuf);
}

// What the worker found missing may have come while its packet was on the way here: such a packet
// goes back at once, as nothing would wake it.
void ControlSide::park(rte_mbuf* mbuf, Nanoseconds now) {
  const PacketNote& note = *packet_note(mbuf);
  WaitKey key;
  abi::EventBody question;
  if (note.kind == NoteKind::park_session) {
    if (can_seal(note.peer)) {
      send_as(mbuf, NoteKind::seal, note.peer);
      return;
    }
    key = {.kind = WaitKind::session, .number = note.peer};
    question = abi::NeedHandshake{.peer = note.peer};
  } else if (note.kind == NoteKind::park_neighbour) {
    const auto found = neighbour_places_.find(note.neighbour);
    if (found == neighbour_places_.end()) {
      state_.links->drop(mbuf, Drop::neighbour_unresolved);
      return;
    }
    const auto& entry = state_.shared->hops.neighbours[note.neighbour];
    if (Neighbour::unpack(entry.load(std::memory_order_relaxed)).reachable) {
      send_as(mbuf, NoteKind::send_ip, note.neighbour);
      return;
    }
    key = {.kind = WaitKind::neighbour, .number = note.neighbour};
    question = abi::NeedNeighbour{.port = found->second.first, .address = found->second.second};
  } else {
    const auto* ip = rte_pktmbuf_mtod(mbuf, const std::byte*);
    const auto family =
        static_cast<std::uint8_t>(*ip) >> 4 == 4 ? abi::Family::ipv4 : abi::Family::ipv6;
    key = {.kind = WaitKind::address,
           .number = note.port,
           .address = wire::destination_of(ip, family)};
    if (is_resolved(key.address)) {
      send_as(mbuf, NoteKind::route, key.number);
      return;
    }
    question = abi::NeedNeighbour{.port = note.port, .address = key.address};
  }
  if (parking_.park(key, mbuf, now)) {
    tell(question);
  }
}

// Addresses that have a neighbour since the tables changed: their packets are routed again.
void ControlSide::release_resolved() {
  for (const WaitKey& key : parking_.waiting(WaitKind::address)) {
    if (!is_resolved(key.address)) {
      continue;
    }
    for (rte_mbuf* mbuf : parking_.release(key)) {
      send_as(mbuf, NoteKind::route, key.number);
    }
  }
}

bool ControlSide::is_resolved(const abi::Address& address) const {
  const std::uint64_t id = state_.shared->tables->lookup_one(abi::Table::routes, address);
  return id != 0 && state_.shared->hops.next_hop(id).kind != abi::HopKind::glean;
}

bool ControlSide::can_seal(std::uint32_t peer) const {
  const Session* session = state_.shared->peers[peer].sealing_session();
  return session != nullptr && now_tsc_ < session->reject_at_tsc &&
         !session->exhausted.load(std::memory_order_relaxed);
}

void ControlSide::send_as(rte_mbuf* mbuf, NoteKind kind, std::uint32_t spread) {
  PacketNote note = *packet_note(mbuf);
  note.kind = kind;
  state_.links->send(mbuf, note, spread);
}

}  // namespace gotthard::dataplane
