#include "dataplane/stage/stages.h"
#include "dataplane/wire/ip.h"

namespace gotthard::dataplane {
namespace {

// A forwarded packet loses a hop (RFC 1812 5.3.1, RFC 8200 section 3). What the gateway sends
// itself does not pass here.
Drop spend_hop(Lane* lane) {
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

}  // namespace

void mtu(Burst* burst, WorkerContext* worker) {
  for (const std::uint32_t i : burst->to_mtu) {
    Lane* lane = &burst->lanes[i];
    Drop reason = lane->length > lane->mtu ? Drop::too_big : spend_hop(lane);
    if (reason != Drop::none) {
      drop_packet(lane, reason, worker->counters);
      continue;
    }
    // What followed the IP packet in its frame (Ethernet padding) goes no further.
    rte_pktmbuf_trim(lane->mbuf, rte_pktmbuf_data_len(lane->mbuf) - lane->length);
    (lane->peer != abi::kNoPeer ? burst->to_encap : burst->to_neighbour).push(i);
  }
}

}  // namespace gotthard::dataplane
