// Peers as the packet path sees them: which session seals, and the outer headers in front of it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/abi/limits.h"
#include "dataplane/abi/records.h"
#include "dataplane/table/policy.h"
#include "dataplane/table/session.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "dataplane/wire/wireguard.h"

namespace gotthard::dataplane {

// IP and UDP headers as they are written in front of each sealed packet, lengths, ids and checksums
// aside; ESP that is not in UDP has none of the latter. Immutable; replaced as a whole. Two lines:
// with many peers each line that a packet needs is waited for.
struct alignas(64) OuterTemplate {
  abi::Endpoint endpoint;
  abi::PeerKind kind = abi::PeerKind::wireguard;
  abi::DontFragment dont_fragment = abi::DontFragment::clear;
  std::uint8_t dscp = abi::kDscpFromInner;
  std::uint16_t headers_length = 0;  // IP and UDP
  // What fits into the other tunnel that it goes by, since pieces are not put together there, or
  // on its path, where that is known to take less than its device.
  std::uint16_t inner_mtu = UINT16_MAX;
  std::array<std::byte, sizeof(wire::Ipv6Header) + sizeof(wire::UdpHeader)> headers{};
  // IPv4: sum of the header's constant words, so that only length and id are added per packet.
  std::uint32_t checksum_base = 0;
};

static_assert(sizeof(OuterTemplate) == 128);

[[nodiscard]] OuterTemplate make_outer_template(const abi::Endpoint& endpoint,
                                                abi::PeerKind kind = abi::PeerKind::wireguard);

// Written by the manager alone; workers read. A slot is a peer's for as long as control says so;
// peers come and go, slots stay.
struct alignas(64) Peer {
  std::atomic<Session*> current{nullptr};
  std::atomic<Session*> next{nullptr};  // responder's, until the peer has shown that it has the key
  std::atomic<const OuterTemplate*> outer{nullptr};  // null: endpoint or its route unknown
  std::atomic<std::uint16_t> interface { 0 };
  std::atomic<std::uint8_t> sealing_worker{abi::kAnyWorker};
  std::atomic<const PolicyTable*> selectors{nullptr};  // ESP: what may come out of its SAs

  // A confirmed next is what the peer itself uses already.
  [[nodiscard]] Session* sealing_session() const {
    Session* candidate = next.load(std::memory_order_acquire);
    if (candidate != nullptr && candidate->confirmed.load(std::memory_order_relaxed)) {
      return candidate;
    }
    return current.load(std::memory_order_acquire);
  }
};

using PeerTable = std::array<Peer, abi::kMaxPeers>;

}  // namespace gotthard::dataplane
