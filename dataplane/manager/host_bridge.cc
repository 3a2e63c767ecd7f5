#include "dataplane/manager/host_bridge.h"

#include <unistd.h>

#include <cstring>

#include "dataplane/stage/lookup.h"
#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/selector_key.h"

namespace gotthard::dataplane {
namespace {

// Ethernet/IPv4 ARP (RFC 826).
struct ArpPacket {
  wire::Big16 hardware, protocol;
  std::uint8_t hardware_length, protocol_length;
  wire::Big16 operation;
  wire::Mac sender_mac;
  std::array<std::uint8_t, 4> sender;
  wire::Mac target_mac;
  std::array<std::uint8_t, 4> target;
};
static_assert(sizeof(ArpPacket) == 28);

bool unspecified(const abi::Address& address) {
  return address.bytes == std::array<std::uint8_t, 16>{};
}

bool link_local6(const abi::Address& address) {
  return address.family == abi::Family::ipv6 && address.bytes[0] == 0xfe &&
         (address.bytes[1] & 0xc0) == 0x80;
}

// Only what the gateway itself says leaves by a twin: the kernel may be set to forward, and what it
// forwards has not been through our routes.
bool source_is_ours(std::span<const std::byte> frame, const TopologyStore& topology) {
  if (frame.size() < sizeof(wire::EthernetHeader)) {
    return false;
  }
  const auto* ethernet = reinterpret_cast<const wire::EthernetHeader*>(frame.data());
  const auto payload = frame.subspan(sizeof(wire::EthernetHeader));
  abi::Address source;
  if (ethernet->type.get() == wire::kEtherArp) {
    if (payload.size() < sizeof(ArpPacket)) {
      return false;
    }
    source.family = abi::Family::ipv4;
    std::memcpy(source.bytes.data(), &reinterpret_cast<const ArpPacket*>(payload.data())->sender,
                4);
  } else if (const auto packet = wire::parse_ip(payload)) {
    source = wire::source_of(payload.data(), packet->family);
  } else {
    return false;
  }
  // Unspecified: probes for an address that is not ours yet (RFC 5227, RFC 4862).
  return unspecified(source) || link_local6(source) || topology.is_local(source);
}

}  // namespace

rte_mbuf* HostBridge::read(int fd) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
  if (mbuf == nullptr) {
    return nullptr;  // the kernel keeps what there is until there is a buffer
  }
  const ssize_t size = ::read(fd, rte_pktmbuf_mtod(mbuf, void*), rte_pktmbuf_tailroom(mbuf));
  if (size <= 0) {
    rte_pktmbuf_free(mbuf);
    return nullptr;
  }
  rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(size));
  return mbuf;
}

void HostBridge::write(int fd, rte_mbuf* mbuf) {
  const ssize_t written =
      fd < 0 ? -1 : ::write(fd, rte_pktmbuf_mtod(mbuf, const void*), rte_pktmbuf_data_len(mbuf));
  if (written < 0) {
    links_->drop(mbuf, Drop::host_ring_full);
    return;
  }
  rte_pktmbuf_free(mbuf);
}

void HostBridge::to_twin(std::uint16_t port, rte_mbuf* mbuf) {
  ++counters_[port].to_host;
  write(twins_[port].get(), mbuf);
}

void HostBridge::to_tun(std::uint16_t interface, rte_mbuf* mbuf) {
  write(tuns_[interface].get(), mbuf);
}

bool HostBridge::from_twin(std::uint16_t port) {
  for (std::uint32_t i = 0; i < kBurst; ++i) {
    rte_mbuf* mbuf = read(twins_[port].get());
    if (mbuf == nullptr) {
      return false;
    }
    ++counters_[port].from_host;
    if (!source_is_ours(frame_bytes(mbuf), *topology_)) {
      links_->drop(mbuf, Drop::twin_source_denied);
      continue;
    }
    links_->send(mbuf, {.kind = NoteKind::send_frame, .origin = Origin::host, .port = port}, port);
  }
  return true;
}

// The kernel has routed it to this interface already: only the peer is to be found.
std::uint32_t HostBridge::peer_of(rte_mbuf* mbuf, const wire::IpPacket& packet,
                                  std::uint16_t interface) const {
  if (topology_->current().interfaces[interface].kind == abi::TunnelKind::ipsec) {
    const PolicyTable* policy = shared_->policies[interface].load(std::memory_order_relaxed);
    const auto bytes = frame_bytes(mbuf).first(packet.length);
    const PolicyRule* rule =
        policy == nullptr
            ? nullptr
            : policy->match(wire::selector_key(bytes, packet.family, wire::Direction::outbound));
    return rule == nullptr ? abi::kNoPeer : rule->peer;
  }
  Burst one;
  Lane* lane = one.add(mbuf);
  lane->ip = rte_pktmbuf_mtod(mbuf, std::byte*);
  lane->family = packet.family;
  LaneList list;
  list.push(0);
  std::uint64_t owner = 0;
  lookup<LookupKey::destination>(one, list, *shared_->tables, abi::Table::sources, &owner);
  return shared_->hops.owner_of(owner, interface);
}

bool HostBridge::from_tun(std::uint16_t interface) {
  for (std::uint32_t i = 0; i < kBurst; ++i) {
    rte_mbuf* mbuf = read(tuns_[interface].get());
    if (mbuf == nullptr) {
      return false;
    }
    const auto packet = wire::parse_ip(frame_bytes(mbuf));
    if (!packet) {
      links_->drop(mbuf, Drop::bad_ip_header);
      continue;
    }
    // Without a peer, the worker that finds no one to seal for tells the sender.
    const std::uint32_t peer = peer_of(mbuf, *packet, interface);
    links_->send(
        mbuf,
        {.kind = NoteKind::seal, .origin = Origin::host, .interface = interface, .peer = peer},
        peer);
  }
  return true;
}

}  // namespace gotthard::dataplane
