// Packets between workers and control, and those that wait for what control has to say.
#include "dataplane/manager/control_side.h"
#include "dataplane/manager/handshake_packets.h"

namespace gotthard::dataplane {
namespace {

bool is_ike(const PacketNote& note) {
  return note.punt_class == PuntClass::ike_first || note.punt_class == PuntClass::ike_later;
}

}  // namespace

void ControlSide::inject(const abi::PacketRecord& record) {
  // Control may speak only from the gateway's addresses and its tunnels' ports.
  if (!state_.topology->is_local(record.local) ||
      state_.topology->current().listener(record.local_port) == abi::kMaxInterfaces) {
    ++commands_refused_;
    return;
  }
  const auto neighbour = neighbour_id(record.neighbour);
  const bool nested = record.through != abi::kNoPeer;
  const StoredPeer* way = nested ? state_.peers->find(record.through) : nullptr;
  if (!neighbour || (nested && way == nullptr)) {
    ++commands_refused_;
    return;
  }
  rte_mbuf* mbuf = to_packet(record, ipv4_ids_.next(), state_.pool);
  if (mbuf == nullptr) {
    state_.links->count(Drop::no_mbuf);
    return;
  }
  if (way != nullptr) {
    state_.links->send(mbuf,
                       {.kind = NoteKind::seal,
                        .origin = Origin::outer,
                        .interface = way->interface,
                        .peer = record.through},
                       record.through);
    return;
  }
  state_.links->send(mbuf,
                     {.kind = NoteKind::send_ip, .origin = Origin::outer, .neighbour = *neighbour},
                     *neighbour);
}

void ControlSide::take(rte_mbuf* mbuf, Nanoseconds now) {
  switch (packet_note(mbuf)->kind) {
    case NoteKind::punt:
      if (police_.take(packet_note(mbuf)->punt_class, now_tsc_)) {
        punt(mbuf);
      } else {
        state_.links->drop(mbuf, is_ike(*packet_note(mbuf)) ? Drop::ike_policed : Drop::wg_policed);
      }
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
  auto record = to_record(frame_bytes(mbuf), *packet_note(mbuf));
  if (!record) {
    state_.links->drop(mbuf,
                       is_ike(*packet_note(mbuf)) ? Drop::ike_bad_length : Drop::wg_bad_length);
    return;
  }
  record->port = state_.topology->current().ports[record->port].link;
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
    const auto found = neighbour_addresses_.find(note.neighbour);
    if (found == neighbour_addresses_.end()) {
      state_.links->drop(mbuf, Drop::neighbour_unresolved);
      return;
    }
    if (state_.shared->hops.neighbour(note.neighbour).reachable) {
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
    if (is_resolved(note.port, key.address)) {
      send_as(mbuf, NoteKind::route, key.number);
      return;
    }
    question = abi::NeedNeighbour{.port = state_.topology->current().ports[note.port].link,
                                  .address = key.address};
  }
  if (parking_.park(key, mbuf, now)) {
    tell(question);
  }
}

// Addresses that have a neighbour since the tables changed: their packets are routed again.
void ControlSide::release_resolved() {
  for (const WaitKey& key : parking_.waiting(WaitKind::address)) {
    if (!is_resolved(static_cast<std::uint16_t>(key.number), key.address)) {
      continue;
    }
    for (rte_mbuf* mbuf : parking_.release(key)) {
      send_as(mbuf, NoteKind::route, key.number);
    }
  }
}

bool ControlSide::is_resolved(std::uint16_t place, const abi::Address& address) const {
  const std::uint64_t id = state_.shared->tables->lookup_one(abi::Table::routes, address);
  return id != 0 && state_.shared->hops.all_of(id, [place](const NextHop& hop) {
    return hop.kind != abi::HopKind::glean || hop.port != place;
  });
}

bool ControlSide::can_seal(std::uint32_t peer) const {
  const Session* session = state_.shared->peers[peer].sealing_session();
  return session != nullptr && session->seals(now_tsc_);
}

void ControlSide::send_as(rte_mbuf* mbuf, NoteKind kind, std::uint32_t spread) {
  PacketNote note = *packet_note(mbuf);
  note.kind = kind;
  state_.links->send(mbuf, note, spread);
}

}  // namespace gotthard::dataplane
