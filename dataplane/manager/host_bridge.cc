#include "dataplane/manager/host_bridge.h"

#include <unistd.h>

#include <algorithm>
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

bool put_tag(rte_mbuf* mbuf, std::uint16_t vlan) {
  auto* frame = rte_pktmbuf_prepend(mbuf, sizeof(wire::VlanTag));
  if (frame == nullptr) {
    return false;
  }
  std::memmove(frame, frame + sizeof(wire::VlanTag), sizeof(wire::EthernetHeader));
  wire::write_tag(reinterpret_cast<wire::EthernetHeader*>(frame), vlan);
  return true;
}

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
  std::uint16_t type = reinterpret_cast<const wire::EthernetHeader*>(frame.data())->type.get();
  auto payload = frame.subspan(sizeof(wire::EthernetHeader));
  if (type == wire::kEtherVlan && payload.size() >= sizeof(wire::VlanTag)) {
    type = reinterpret_cast<const wire::Big16*>(payload.data())[1].get();
    payload = payload.subspan(sizeof(wire::VlanTag));
  }
  abi::Address source;
  if (type == wire::kEtherArp) {
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

// What our routes lead into a tunnel, or into the blackhole that is left of it: a process that is
// bound to a port's twin, or a route of the kernel that we do not follow, would send it in plain.
bool HostBridge::goes_by_tunnel(std::span<const std::byte> frame) const {
  const auto* ethernet = reinterpret_cast<const wire::EthernetHeader*>(frame.data());
  const bool tagged = ethernet->type.get() == wire::kEtherVlan;
  const std::size_t header = sizeof(wire::EthernetHeader) + (tagged ? sizeof(wire::VlanTag) : 0);
  const auto payload = frame.subspan(std::min(header, frame.size()));
  const auto packet = wire::parse_ip(payload);
  if (!packet || !wire::forwardable_destination(payload.data(), packet->family)) {
    return false;
  }
  const std::uint64_t hop = shared_->tables->lookup_one(
      abi::Table::routes, wire::destination_of(payload.data(), packet->family));
  return hop != 0 && shared_->hops.all_of(hop, [](const NextHop& way) {
    return way.kind == abi::HopKind::tunnel || way.kind == abi::HopKind::policy ||
           way.kind == abi::HopKind::blackhole;
  });
}

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

void HostBridge::to_twin(std::uint16_t place, rte_mbuf* mbuf) {
  const TopologyPort& link = topology_->current().ports[place];
  const std::uint16_t port = link.port();
  // The kernel's VLANs are above the twin and take the tag off there.
  if (!link.used || (link.vlan() != 0 && !put_tag(mbuf, link.vlan()))) {
    links_->drop(mbuf, Drop::unknown_vlan);
    return;
  }
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
    if (topology_->current().ports[port].underlay && goes_by_tunnel(frame_bytes(mbuf))) {
      links_->drop(mbuf, Drop::plain_to_underlay);
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
    const PolicyRule* rule = policy == nullptr
                                 ? nullptr
                                 : policy->match(bytes, packet.family, wire::Direction::outbound);
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
