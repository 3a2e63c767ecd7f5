#include "dataplane/wire/icmp.h"

#include "dataplane/stage/stages.h"

namespace gotthard::dataplane {
namespace {

wire::IcmpError error_of(Drop reason) {
  switch (reason) {
    case Drop::too_big:
      return wire::IcmpError::too_big;
    case Drop::ttl_expired:
      return wire::IcmpError::hops_spent;
    case Drop::no_route:
      return wire::IcmpError::network_unreachable;
    case Drop::unreachable:
      return wire::IcmpError::route_unreachable;
    case Drop::prohibited:
      return wire::IcmpError::prohibited;
    default:
      return wire::IcmpError::host_unreachable;
  }
}

// The address that the sender knows the gateway by. A local process hears it from the destination
// that it asked for: the kernel takes nothing from a wire that bears its own addresses.
abi::Address answering_address(const Lane& lane, const Topology& topology) {
  switch (lane.origin) {
    case Origin::host:
      return wire::destination_of(lane.ip, lane.family);
    case Origin::tunnel:
      return topology.interfaces[lane.opened_at].answers.of(lane.family);
    default:
      return topology.ports[lane.port].answers.of(lane.family);
  }
}

// In place of the packet: its beginning, quoted behind the headers of the answer.
bool make_answer(Lane* lane, WorkerContext* worker) {
  const std::span<const std::byte> packet(lane->ip, lane->length);
  if (lane->origin == Origin::outer || !wire::may_answer(packet)) {
    return false;
  }
  const abi::Address from = answering_address(*lane, *worker->topology);
  if (from.family == Family::none ||
      !worker->answers.take(wire::source_of(lane->ip, lane->family), worker->now_tsc)) {
    return false;
  }
  const std::size_t quoted = wire::icmp_error_quote(lane->family, lane->length);
  const std::size_t headers = wire::icmp_error_headers(lane->family);
  rte_pktmbuf_trim(lane->mbuf,
                   static_cast<std::uint16_t>(rte_pktmbuf_data_len(lane->mbuf) - quoted));
  auto* message = reinterpret_cast<std::byte*>(
      rte_pktmbuf_prepend(lane->mbuf, static_cast<std::uint16_t>(headers)));
  if (message == nullptr) {
    return false;
  }
  wire::write_icmp_error(message, from, quoted, error_of(lane->drop), lane->mtu);
  lane->ip = message;
  lane->length = static_cast<std::uint16_t>(headers + quoted);
  lane->answer = true;
  lane->drop = Drop::none;
  lane->peer = abi::kNoPeer;
  return true;
}

}  // namespace

void icmp(Burst* burst, WorkerContext* worker) {
  burst->to_route = {};
  burst->to_mtu = {};
  burst->to_encap = {};
  burst->to_esp_encap = {};
  for (const std::uint32_t i : burst->to_icmp) {
    Lane* lane = &burst->lanes[i];
    if (!make_answer(lane, worker)) {
      rte_pktmbuf_free(lane->mbuf);
    } else if (lane->origin == Origin::host) {
      *packet_note(lane->mbuf) = PacketNote{
          .kind = NoteKind::to_tun, .origin = lane->origin, .interface = lane->interface};
      burst->to_host.push(i);
    } else {
      burst->to_route.push(i);
    }
  }
}

}  // namespace gotthard::dataplane
