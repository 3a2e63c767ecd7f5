#include "dataplane/manager/fragments.h"

#include <rte_mbuf.h>

#include <cstring>

#include "crypto/random.h"

namespace gotthard::dataplane {

// Null: there is no buffer, or none that long.
rte_mbuf* Fragments::buffer(std::span<const std::byte> bytes) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
  if (mbuf == nullptr) {
    links_->count(Drop::no_mbuf);
    return nullptr;
  }
  if (bytes.size() > rte_pktmbuf_tailroom(mbuf)) {
    links_->drop(mbuf, Drop::too_big);
    return nullptr;
  }
  std::memcpy(rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(bytes.size())), bytes.data(),
              bytes.size());
  return mbuf;
}

void Fragments::cut(rte_mbuf* mbuf) {
  PacketNote note = *packet_note(mbuf);
  const bool outer = note.kind == NoteKind::fragment_outer;
  // RFC 7739: nobody who sees some of them can tell the next.
  const auto id6 = static_cast<std::uint32_t>(crypto::random_u64());
  const auto pieces = wire::cut(frame_bytes(mbuf), note.mtu, id6);
  if (pieces.empty()) {
    links_->drop(mbuf, Drop::too_big);
    return;
  }
  const bool nested = outer && note.peer != abi::kNoPeer;
  note.kind = nested ? NoteKind::seal : outer ? NoteKind::send_ip : NoteKind::route;
  const std::uint32_t flow = nested ? note.peer : outer ? note.neighbour : note.port;
  for (const wire::Packet& piece : pieces) {
    if (rte_mbuf* part = buffer(piece)) {
      links_->send(part, note, flow);
    }
  }
  rte_pktmbuf_free(mbuf);
}

void Fragments::reassemble(rte_mbuf* mbuf, Nanoseconds now) {
  const std::uint16_t port = packet_note(mbuf)->port;
  const auto result = reassembly_.take(port, frame_bytes(mbuf), topology_->current(), now);
  rte_pktmbuf_free(mbuf);
  for (const wire::Packet& frame : result.ours) {
    if (rte_mbuf* whole = buffer(frame)) {
      links_->send(whole, {.kind = NoteKind::classify, .port = port}, port);
    }
  }
  for (const wire::Packet& frame : result.others) {
    if (rte_mbuf* piece = buffer(frame)) {
      bridge_->to_twin(port, piece);
    }
  }
  refuse(result.refused);
}

void Fragments::tick(Nanoseconds now) { refuse(reassembly_.expire(now)); }

void Fragments::refuse(std::size_t pieces) {
  for (std::size_t i = 0; i < pieces; ++i) {
    links_->count(Drop::outer_fragment);
  }
}

}  // namespace gotthard::dataplane
