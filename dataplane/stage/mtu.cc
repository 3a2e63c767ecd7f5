#include <algorithm>

#include "dataplane/stage/stages.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/tcp.h"

namespace gotthard::dataplane {
namespace {

// A forwarded packet loses a hop (RFC 1812 5.3.1, RFC 8200 section 3). What the gateway sends
// itself does not pass here, but for its answers.
Drop spend_hop(Lane* lane) {
  if (lane->answer) {
    return Drop::none;
  }
  if (lane->family == Family::ipv4) {
    auto* ip = reinterpret_cast<wire::Ipv4Header*>(lane->ip);
    if (ip->ttl <= 1) {
      return Drop::ttl_expired;
    }
    wire::decrement_ttl(ip);
    return Drop::none;
  }
  auto* ip = reinterpret_cast<wire::Ipv6Header*>(lane->ip);
  if (ip->hop_limit <= 1) {
    return Drop::ttl_expired;
  }
  --ip->hop_limit;
  return Drop::none;
}

// Only IPv4 without "don't fragment" is cut on its way (RFC 791); by the manager, off this path.
bool may_fragment(const Lane& lane) {
  const auto* ip = reinterpret_cast<const wire::Ipv4Header*>(lane.ip);
  return lane.family == Family::ipv4 && (ip->fragment.get() & wire::kIpv4DontFragment) == 0;
}

// It goes into its tunnel as it is.
bool cut_outside(const Lane& lane, const Topology& topology) {
  return lane.peer != abi::kNoPeer && topology.interfaces[lane.interface].fragment_after &&
         may_fragment(lane);
}

void cut(Burst* burst, std::uint32_t i) {
  Lane* lane = &burst->lanes[i];
  *packet_note(lane->mbuf) =
      PacketNote{.kind = NoteKind::fragment,
                 .origin = lane->origin,
                 .port = lane->port,
                 .interface = lane->origin == Origin::tunnel ? lane->opened_at : lane->interface,
                 .mtu = lane->mtu};
  burst->to_host.push(i);
}

// What the peer's path takes, or the tunnel that this one goes by.
void fit_way(Lane* lane, const WorkerContext& worker) {
  if (lane->peer == abi::kNoPeer) {
    return;
  }
  const OuterTemplate* outer =
      worker.shared->peers[lane->peer].outer.load(std::memory_order_acquire);
  if (outer != nullptr) {
    lane->mtu = std::min(lane->mtu, outer->inner_mtu);
  }
}

std::uint16_t tunnel_mtu(const Lane& lane, const Topology& topology, bool* clamp) {
  std::uint16_t mtu = UINT16_MAX;
  *clamp = false;
  const auto consider = [&](std::uint16_t number) {
    const TopologyInterface& interface = topology.interfaces[number];
    if (interface.clamp_mss) {
      *clamp = true;
      mtu = std::min(mtu, interface.mtu);
    }
  };
  if (lane.peer != abi::kNoPeer) {
    consider(lane.interface);
  }
  if (lane.origin == Origin::tunnel) {
    consider(lane.opened_at);
  }
  return std::min(mtu, lane.mtu);
}

// Connections through a tunnel are told what fits, whichever side opens them.
void fit_segments(Lane* lane, const Topology& topology) {
  bool clamp = false;
  const std::uint16_t mtu = tunnel_mtu(*lane, topology, &clamp);
  if (!clamp) {
    return;
  }
  const auto packet = wire::parse_ip({lane->ip, lane->length});
  if (!packet || packet->fragment || packet->protocol != wire::kProtocolTcp) {
    return;
  }
  const auto headers =
      (packet->family == Family::ipv4 ? sizeof(wire::Ipv4Header) : sizeof(wire::Ipv6Header)) +
      sizeof(wire::TcpHeader);
  wire::clamp_mss(std::span(lane->ip, lane->length).subspan(packet->header_length),
                  static_cast<std::uint16_t>(mtu - headers));
}

}  // namespace

void mtu(Burst* burst, WorkerContext* worker) {
  for (const std::uint32_t i : burst->to_mtu) {
    Lane* lane = &burst->lanes[i];
    // What followed the IP packet in its frame (Ethernet padding) goes no further.
    set_length(lane->mbuf, lane->length);
    fit_way(lane, *worker);
    if (lane->length > lane->mtu && !cut_outside(*lane, *worker->topology)) {
      if (may_fragment(*lane)) {
        cut(burst, i);
      } else {
        refuse(burst, i, Drop::too_big, worker);
      }
      continue;
    }
    if (const Drop reason = spend_hop(lane); reason != Drop::none) {
      refuse(burst, i, reason, worker);
      continue;
    }
    fit_segments(lane, *worker->topology);
    if (lane->peer != abi::kNoPeer) {
      push_to_seal(burst, i, *worker);
    } else {
      burst->to_neighbour.push(i);
    }
  }
}

}  // namespace gotthard::dataplane
