#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/stage/sealing.h"
#include "dataplane/stage/stages.h"
#include "dataplane/wire/ecn.h"
#include "dataplane/wire/flow.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "dataplane/wire/wireguard.h"

namespace gotthard::dataplane {
namespace {

// Zeros up to a multiple of 16, but never beyond the MTU of the route into the tunnel (5.4.6).
std::uint32_t padded_length(const Lane& lane, const OuterTemplate& outer,
                            const TopologyInterface& interface) {
  const std::uint32_t padded = (lane.length + wire::kWgPadding - 1) & ~(wire::kWgPadding - 1);
  const std::uint32_t limit = std::min(lane.mtu != 0 ? lane.mtu : interface.mtu, outer.inner_mtu);
  return std::max<std::uint32_t>(lane.length, std::min(padded, limit));
}

// Inner flows spread over the tunnel's source ports, so that the peer's NIC spreads them over its
// queues; a flow keeps its port, and so its order.
std::uint16_t source_port_of(const Lane& lane, const TopologyInterface& interface) {
  const std::uint32_t ports = interface.source_ports;
  return ports == 1 || lane.length == 0
             ? 0
             : static_cast<std::uint16_t>(wire::flow_hash(lane.ip, lane.length, lane.family) %
                                          ports);
}

// RFC 6040, 4.1: the outer header says of congestion what the inner one does. DSCP only by option.
std::uint8_t outer_class(const Lane& lane, const TopologyInterface& interface) {
  if (lane.length == 0) {
    return 0;
  }
  const std::uint8_t inner = wire::traffic_class(lane.ip, lane.family);
  return interface.copy_dscp ? inner : inner & wire::kEcnMask;
}

void fill(crypto::AeadJob* job, const Session& session, std::uint64_t counter, std::byte* text,
          std::uint32_t length) {
  job->key = &session.seal_key;
  job->text = text;
  job->length = length;
  job->aad_length = 0;
  constexpr std::uint32_t kZero = 0;
  std::memcpy(job->nonce.data(), &kZero, sizeof(kZero));
  std::memcpy(job->nonce.data() + sizeof(kZero), &counter, sizeof(counter));
  job->aad = nullptr;
  job->tag = text + length;
}

// Headers in front, room for padding and tag behind. False: the buffer has no room for them.
// `kIp` is the size of the outer IP header, known to the compiler.
template <std::size_t kIp>
bool wrap(Lane* lane, const SealRun& run, const TopologyInterface& interface, WorkerContext* worker,
          crypto::AeadJob* job) {
  constexpr std::size_t kHeaders = kIp + sizeof(wire::UdpHeader);
  constexpr std::size_t kFront = kHeaders + sizeof(wire::WgDataHeader);
  const OuterTemplate& outer = *run.outer;
  const std::uint32_t padded = padded_length(*lane, outer, interface);
  const std::uint8_t traffic_class = outer_class(*lane, interface);
  const std::uint16_t port_offset = source_port_of(*lane, interface);
  std::byte* ip = extend(*lane, kFront, padded - lane->length + wire::kWgTagSize);
  if (ip == nullptr) {
    return false;
  }
  std::byte* text = ip + kFront;
  // Always as much: what is too much is where the tag comes to stand.
  static_assert(wire::kWgTagSize >= wire::kWgPadding);
  std::memset(text + lane->length, 0, wire::kWgPadding);
  std::memcpy(ip, outer.headers.data(), kHeaders);
  const auto udp_length =
      static_cast<std::uint32_t>(sizeof(wire::UdpHeader) + wire::kWgDataMinimum + padded);
  write_ip(ip, outer, {.traffic_class = traffic_class, .payload = udp_length}, worker);
  auto* udp = reinterpret_cast<wire::UdpHeader*>(ip + kIp);
  udp->length.set(static_cast<std::uint16_t>(udp_length));
  if (port_offset != 0) {
    udp->source.set(static_cast<std::uint16_t>(udp->source.get() + port_offset));
  }

  auto* header = reinterpret_cast<wire::WgDataHeader*>(ip + kHeaders);
  header->type.set(wire::kWgData);
  header->receiver.set(run.session->remote_id);
  header->counter.set(lane->counter);
  fill(job, *run.session, lane->counter, text, padded);

  lane->ip = ip;
  lane->family = kIp == sizeof(wire::Ipv4Header) ? Family::ipv4 : Family::ipv6;
  lane->length = static_cast<std::uint16_t>(kIp + udp_length);
  lane->neighbour = outer.endpoint.neighbour;
  lane->mtu = outer.endpoint.mtu;
  return true;
}

template <std::size_t kIp>
void wrap_all(Burst* burst, const SealRun& run, CounterBlocks* blocks, Wrapped* wrapped,
              WorkerContext* worker) {
  const TopologyInterface& interface =
      worker->topology->interfaces[burst->lanes[run.lanes.lanes[0]].interface];
  wrap_run(burst, run, blocks, Drop::wg_send_limit, wrapped, worker,
           [&](Lane* lane, crypto::AeadJob* job, std::uint32_t, std::uint32_t) {
             return wrap<kIp>(lane, run, interface, worker, job);
           });
}

}  // namespace

void wg_encap(Burst* burst, WorkerContext* worker) {
  SealRuns runs;
  for (const std::uint32_t i : burst->to_encap) {
    Lane* lane = &burst->lanes[i];
    if (runs.extend(i, *lane)) {
      continue;
    }
    if (lane->peer == abi::kNoPeer) {
      refuse(burst, i, Drop::no_peer, worker);
      continue;
    }
    const OuterTemplate* outer = outer_of(*lane, *worker);
    if (outer == nullptr) {
      worker->peer_counters[lane->peer].drops.add(1);
      refuse(burst, i, Drop::no_endpoint, worker);
      continue;
    }
    // What the host sends itself was not measured yet.
    if (lane->length > outer->inner_mtu && lane->origin == Origin::host) {
      lane->mtu = outer->inner_mtu;
      refuse(burst, i, Drop::too_big, worker);
      continue;
    }
    Session* session = worker->shared->peers[lane->peer].sealing_session();
    if (session == nullptr || !session->seals(worker->now_tsc)) {
      if (lane->length == 0) {  // a keepalive is for the session that there was
        drop_unsealed(lane, Drop::no_session, worker);
        continue;
      }
      wait_for_session(lane);
      burst->to_host.push(i);
      continue;
    }
    runs.begin(i, *lane, outer, session);
  }

  CounterBlocks blocks;
  for (const SealRun& run : runs.all()) {
    blocks.count(run.session, run.lanes.size);
  }
  Wrapped wrapped;
  for (const SealRun& run : runs.all()) {
    const bool ipv4 = run.outer->endpoint.remote.family == Family::ipv4;
    (ipv4 ? wrap_all<sizeof(wire::Ipv4Header)>
          : wrap_all<sizeof(wire::Ipv6Header)>)(burst, run, &blocks, &wrapped, worker);
  }
  if (wrapped.lanes.size == 0) {
    return;
  }
  worker->aead->seal({wrapped.jobs.data(), wrapped.lanes.size});
  for (std::uint32_t n = 0; n < wrapped.lanes.size; ++n) {
    const std::uint32_t i = wrapped.lanes.lanes[n];
    finish_checksum(&burst->lanes[i]);
    send_sealed(burst, i, *wrapped.outers[n], worker);
  }
}

}  // namespace gotthard::dataplane
