#include <array>

#include "dataplane/stage/local_udp.h"
#include "dataplane/stage/lookup.h"
#include "dataplane/stage/stages.h"
#include "dataplane/wire/ecn.h"
#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/flow.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/selector_key.h"

namespace gotthard::dataplane {
namespace {

bool fits(const HopChoices::Choice& choice, abi::HopField field, const Lane& lane) {
  if (field == abi::HopField::dscp) {
    return wire::traffic_class(lane.ip, lane.family) >> 2 == choice.dscp;
  }
  const abi::Address source = wire::source_of(lane.ip, lane.family);
  for (std::size_t i = 0; i < source.bytes.size(); ++i) {
    if ((source.bytes[i] & choice.mask[i]) != choice.source[i]) {
      return false;
    }
  }
  return true;
}

std::uint64_t choose(const HopChoices& choices, const Lane& lane) {
  for (std::size_t i = 0; i < choices.count; ++i) {
    if (fits(choices.choices[i], choices.field, lane)) {
      return choices.choices[i].next_hop;
    }
  }
  return choices.otherwise;
}

// The one of several next hops that is this packet's; 0 for none.
[[gnu::noinline]] std::uint64_t one_of(const NextHop& several, const Lane& lane, const Hops& hops) {
  NextHop hop = several;
  std::uint64_t id = 0;
  for (int depth = 0; depth <= Hops::kMaxDepth; ++depth) {
    if (hop.kind == abi::HopKind::group) {
      return hops.groups[hop.target].of_flow(wire::flow_hash(lane.ip, lane.length, lane.family));
    }
    if (hop.kind != abi::HopKind::choice) {
      return id;
    }
    id = choose(hops.choices[hop.target], lane);
    if (id == 0) {
      return 0;
    }
    hop = hops.next_hop(id);
  }
  return 0;
}

// Plain packets that arrive on the underlay may be for the gateway or in transit to the underlay
// again. They reach the inside, or get sealed, only from where plain traffic is allowed to go.
bool source_allows_plain(const Burst& burst, std::uint32_t i, const WorkerContext& worker) {
  LaneList one;
  one.push(i);
  std::uint64_t hop = 0;
  lookup<LookupKey::source>(burst, one, *worker.shared->tables, abi::Table::routes, &hop);
  return hop != 0 &&
         worker.shared->hops.all_of(hop, [](const NextHop& way) { return way.allow_plain; });
}

bool denied_from_underlay(const Burst& burst, std::uint32_t i, bool to_underlay,
                          const WorkerContext& worker) {
  return burst.lanes[i].origin == Origin::underlay && !to_underlay &&
         !source_allows_plain(burst, i, worker);
}

// For the gateway itself, though it did not arrive with its address as classify knows it: opened
// packets go to the tunnel's TUN, others back into their frame and to the twin.
void give_to_host(Lane* lane) {
  if (lane->origin == Origin::tunnel) {
    *packet_note(lane->mbuf) =
        PacketNote{.kind = NoteKind::to_tun, .origin = lane->origin, .interface = lane->interface};
    return;
  }
  rte_pktmbuf_prepend(lane->mbuf, sizeof(wire::EthernetHeader));  // it is still there
  *packet_note(lane->mbuf) =
      PacketNote{.kind = NoteKind::to_twin, .origin = lane->origin, .port = lane->port};
}

// Of several SAs with the same selectors each worker has its own (RFC 9611).
[[gnu::always_inline]] inline std::uint32_t child_of(const Lane& lane, const PolicyTable& policy,
                                                     std::uint32_t worker) {
  const PolicyRule* rule =
      policy.match({lane.ip, lane.length}, lane.family, wire::Direction::outbound);
  if (rule == nullptr) {
    return kNone24;
  }
  return rule->spread == 1 ? rule->peer : rule->peer + worker % rule->spread;
}

const PolicyTable* policy_of(std::uint16_t interface, const WorkerContext& worker) {
  return worker.shared->policies[interface].load(std::memory_order_acquire);
}

// What a tunnel carries to us may be another one's. Its own it never is: where a peer was heard
// within the tunnel to it, it could not be answered.
Drop to_us(Burst* burst, std::uint32_t i, const Topology& topology) {
  Lane* lane = &burst->lanes[i];
  const auto packet =
      lane->origin == Origin::tunnel ? wire::parse_ip({lane->ip, lane->length}) : std::nullopt;
  if (packet && packet->protocol == wire::kProtocolEsp && !packet->fragment && topology.ipsec) {
    lane->udp_offset = packet->header_length;
    lane->esp_offset = packet->header_length;
    burst->again_esp_decap.push(i);
    return Drop::none;
  }
  if (packet && packet->protocol == wire::kProtocolUdp && !packet->fragment) {
    const LocalUdp found = find_listener(*packet, topology, lane);
    if (found == LocalUdp::refused) {
      return lane->drop;
    }
    if (found == LocalUdp::esp) {
      burst->again_esp_decap.push(i);
      return Drop::none;
    }
    if (found != LocalUdp::hosts) {
      if (lane->interface == lane->opened_at) {
        return Drop::tunnel_loop;
      }
      (found == LocalUdp::data ? burst->again_decap : burst->again_punt).push(i);
      return Drop::none;
    }
  }
  give_to_host(lane);
  burst->to_host.push(i);
  return Drop::none;
}

Drop into_tunnel(Burst* burst, std::uint32_t i, const NextHop& hop, const WorkerContext& worker) {
  Lane* lane = &burst->lanes[i];
  if (denied_from_underlay(*burst, i, false, worker)) {
    return Drop::inside_from_underlay;
  }
  const TopologyInterface& interface = worker.topology->interfaces[hop.interface];
  if (!interface.used || !interface.up) {
    return Drop::interface_down;
  }
  std::uint32_t peer = hop.target;
  if (hop.kind == abi::HopKind::policy) {
    const PolicyTable* policy = policy_of(hop.interface, worker);
    peer = policy == nullptr ? kNone24 : child_of(*lane, *policy, worker.index);
    if (peer == kNone24) {
      return Drop::no_child;
    }
  } else if (peer == kNone24) {
    return Drop::no_peer;
  }
  lane->interface = hop.interface;
  lane->peer = peer;
  lane->mtu = hop.mtu != 0 && hop.mtu < interface.mtu ? hop.mtu : interface.mtu;
  burst->to_mtu.push(i);
  return Drop::none;
}

Drop to_neighbour(Burst* burst, std::uint32_t i, const NextHop& hop, const WorkerContext& worker) {
  Lane* lane = &burst->lanes[i];
  const bool glean = hop.kind == abi::HopKind::glean;
  const std::uint16_t port =
      glean ? hop.port : worker.shared->hops.neighbour_word(hop.target).port();
  const TopologyPort& out = worker.topology->ports[port];
  if (!out.used) {
    return Drop::unknown_vlan;
  }
  if (out.underlay && lane->origin != Origin::underlay && !hop.allow_plain) {
    return Drop::plain_to_underlay;
  }
  if (denied_from_underlay(*burst, i, out.underlay, worker)) {
    return Drop::inside_from_underlay;
  }
  if (glean) {
    *packet_note(lane->mbuf) = PacketNote{.kind = NoteKind::park_glean,
                                          .origin = lane->origin,
                                          .answer = lane->answer,
                                          .port = port,
                                          .interface = lane->interface};
    burst->to_host.push(i);
    return Drop::none;
  }
  lane->neighbour = hop.target;
  lane->peer = abi::kNoPeer;
  lane->allow_plain = hop.allow_plain;
  lane->mtu = hop.mtu != 0 && hop.mtu < out.mtu ? hop.mtu : out.mtu;
  burst->to_mtu.push(i);
  return Drop::none;
}

Drop follow(Burst* burst, std::uint32_t i, std::uint64_t id, const WorkerContext& worker) {
  if (id == 0) {
    return Drop::no_route;
  }
  NextHop hop = worker.shared->hops.next_hop(id);
  if (hop.kind == abi::HopKind::group || hop.kind == abi::HopKind::choice) [[unlikely]] {
    id = one_of(hop, burst->lanes[i], worker.shared->hops);
    hop = worker.shared->hops.next_hop(id);
  }
  switch (hop.kind) {
    case abi::HopKind::local:
      return to_us(burst, i, *worker.topology);
    case abi::HopKind::glean:
    case abi::HopKind::neighbour:
      return to_neighbour(burst, i, hop, worker);
    case abi::HopKind::tunnel:
    case abi::HopKind::policy:
      return into_tunnel(burst, i, hop, worker);
    case abi::HopKind::unreachable:
      return Drop::unreachable;
    case abi::HopKind::prohibit:
      return Drop::prohibited;
    case abi::HopKind::no_route:
      return Drop::no_route;
    case abi::HopKind::not_followed:
      return Drop::route_not_followed;
    case abi::HopKind::blackhole:
      return Drop::blackhole;
    case abi::HopKind::group:
    case abi::HopKind::choice:
      break;
  }
  return Drop::no_route;  // none of the choices
}

// What a next hop comes to, for the packets that follow with the same one: mostly a burst has few.
class Way {
 public:
  // Of a lane that followed `id` and has gone to `mtu`. What hangs on the packet itself, not on
  // its next hop alone, is looked at each time: its child, where there are policies.
  void remember(std::uint64_t id, const Lane& lane, const WorkerContext& worker) {
    const NextHop hop = worker.shared->hops.next_hop(id);
    policy_ = hop.kind == abi::HopKind::policy ? policy_of(hop.interface, worker) : nullptr;
    const bool tunnel = hop.kind == abi::HopKind::tunnel || policy_ != nullptr;
    known_ = (tunnel || hop.kind == abi::HopKind::neighbour) && lane.origin != Origin::underlay;
    worker_ = worker.index;
    id_ = id;
    origin_ = lane.origin;
    peer_ = lane.peer;
    neighbour_ = lane.neighbour;
    mtu_ = lane.mtu;
    interface_ = lane.interface;
    tunnel_ = tunnel;
    allow_plain_ = lane.allow_plain;
  }
  // False: it is another way, or must be looked at closer.
  [[nodiscard]] bool take(std::uint64_t id, Lane* lane) const {
    if (!known_ || id != id_ || lane->origin != origin_) {
      return false;
    }
    std::uint32_t peer = peer_;
    if (policy_ != nullptr) {
      peer = child_of(*lane, *policy_, worker_);
      if (peer == kNone24) {
        return false;
      }
    }
    lane->peer = peer;
    lane->mtu = mtu_;
    if (tunnel_) {
      lane->interface = interface_;
    } else {
      lane->neighbour = neighbour_;
      lane->allow_plain = allow_plain_;
    }
    return true;
  }

 private:
  bool known_ = false;
  bool tunnel_ = false;
  bool allow_plain_ = false;
  Origin origin_ = Origin::inside;
  std::uint16_t mtu_ = 0;
  std::uint16_t interface_ = 0;
  std::uint32_t peer_ = 0;
  std::uint32_t neighbour_ = 0;
  std::uint32_t worker_ = 0;
  std::uint64_t id_ = 0;
  const PolicyTable* policy_ = nullptr;  // of an interface whose children have selectors
};

enum class Source : std::uint8_t { any, on_link, martian };

// Nobody on a wire has our addresses, nor those that name no single host. A peer may speak to us
// from a link-local address that is in its allowed IPs, to nobody beyond.
Source source_of(const Lane& lane, const Topology& topology) {
  if (lane.answer) {
    return Source::any;
  }
  if (!wire::forwardable_source(lane.ip, lane.family)) {
    return lane.origin == Origin::tunnel && wire::link_local_source(lane.ip, lane.family)
               ? Source::on_link
               : Source::martian;
  }
  const bool ours =
      lane.family == Family::ipv4
          ? topology.is_local4(reinterpret_cast<const wire::Ipv4Header*>(lane.ip)->source.raw())
          : topology.is_local6(reinterpret_cast<const wire::Ipv6Header*>(lane.ip)->source);
  return ours ? Source::martian : Source::any;
}

// As on a kernel's interface: what a peer says on the tunnel's own link, to a group or a link-local
// address, is the host's to hear (OSPF, Babel, BGP on 169.254/16), and goes no further.
void end_on_link(Burst* burst, std::uint32_t i, WorkerContext* worker) {
  Lane* lane = &burst->lanes[i];
  if (lane->origin != Origin::tunnel || !wire::on_link_destination(lane->ip, lane->family)) {
    drop_packet(lane, Drop::not_forwarded, worker->counters);
  } else if (source_of(*lane, *worker->topology) == Source::martian) {
    drop_packet(lane, Drop::martian_source, worker->counters);
  } else {
    give_to_host(lane);
    burst->to_host.push(i);
  }
}

// From a link-local address to one that is not: ours, or nothing that may be forwarded.
void hear_neighbours(Burst* burst, const LaneList& lanes, WorkerContext* worker) {
  std::array<std::uint64_t, kBurst> hops;
  lookup<LookupKey::destination>(*burst, lanes, *worker->shared->tables, abi::Table::routes,
                                 hops.data());
  for (std::uint32_t n = 0; n < lanes.size; ++n) {
    Lane* lane = &burst->lanes[lanes.lanes[n]];
    if (hops[n] != 0 && worker->shared->hops.next_hop(hops[n]).kind == abi::HopKind::local) {
      give_to_host(lane);
      burst->to_host.push(lanes.lanes[n]);
    } else {
      drop_packet(lane, Drop::martian_source, worker->counters);
    }
  }
}

// A blackhole is silent, and nobody out there is told what there is inside.
bool answered(Drop reason, const Lane& lane) {
  return (reason == Drop::no_route || reason == Drop::no_peer || reason == Drop::no_child ||
          reason == Drop::unreachable || reason == Drop::prohibited) &&
         (lane.origin == Origin::inside || lane.origin == Origin::tunnel);
}

}  // namespace

void route(Burst* burst, WorkerContext* worker) {
  LaneList forwarded;
  LaneList neighbours;
  for (const std::uint32_t i : burst->to_route) {
    Lane* lane = &burst->lanes[i];
    if (!wire::forwardable_destination(lane->ip, lane->family)) {
      end_on_link(burst, i, worker);
      continue;
    }
    switch (source_of(*lane, *worker->topology)) {
      case Source::any:
        forwarded.push(i);
        break;
      case Source::on_link:
        neighbours.push(i);
        break;
      case Source::martian:
        drop_packet(lane, Drop::martian_source, worker->counters);
        break;
    }
  }
  if (neighbours.size > 0) {
    hear_neighbours(burst, neighbours, worker);
  }
  std::array<std::uint64_t, kBurst> hops;
  lookup<LookupKey::destination>(*burst, forwarded, *worker->shared->tables, abi::Table::routes,
                                 hops.data());
  Way way;
  for (std::uint32_t n = 0; n < forwarded.size; ++n) {
    const std::uint32_t i = forwarded.lanes[n];
    if (way.take(hops[n], &burst->lanes[i])) {
      burst->to_mtu.push(i);
    } else if (const Drop reason = follow(burst, i, hops[n], *worker); reason == Drop::none) {
      way.remember(hops[n], burst->lanes[i], *worker);
    } else if (answered(reason, burst->lanes[i])) {
      refuse(burst, i, reason, worker);
    } else {
      drop_packet(&burst->lanes[i], reason, worker->counters);
    }
  }
}

}  // namespace gotthard::dataplane
