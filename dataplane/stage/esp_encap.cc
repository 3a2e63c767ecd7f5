#include <array>

#include "dataplane/stage/esp_wrap.h"
#include "dataplane/stage/sealing.h"
#include "dataplane/stage/stages.h"

namespace gotthard::dataplane {
namespace {

// To the worker that alone seals for the child: its packets must not overtake each other by more
// than the peer's window forgives.
void hand_over(Burst* burst, const LaneList& lanes, WorkerContext* worker) {
  for (const std::uint32_t i : lanes) {
    Lane* lane = &burst->lanes[i];
    const std::uint8_t to =
        worker->shared->peers[lane->peer].sealing_worker.load(std::memory_order_relaxed);
    *packet_note(lane->mbuf) = PacketNote{.kind = NoteKind::seal,
                                          .origin = lane->origin,
                                          .answer = lane->answer,
                                          .interface = lane->interface,
                                          .mtu = lane->mtu,
                                          .peer = lane->peer};
    if (worker->handed == nullptr || to >= worker->handed->workers() ||
        !worker->handed->give(worker->index, to, lane->mbuf)) {
      drop_unsealed(lane, Drop::handover_full, worker);
    }
  }
}

using Plans = Room<EspPlan, kBurst>;

// What each packet of a run comes to, or its end; and how many numbers and bytes they take.
void plan_run(Burst* burst, SealRun* run, Plans* plans, CounterBlocks* blocks,
              WorkerContext* worker) {
  LaneList planned;
  std::uint64_t bytes = 0;
  for (const std::uint32_t i : run->lanes) {
    Lane* lane = &burst->lanes[i];
    lane->session = run->session;
    EspPlan* plan = new (plans->at(i)) EspPlan{};
    if (!plan_esp(*lane, *run->outer, *worker, plan)) {
      drop_unsealed(lane, Drop::no_child, worker);
      continue;
    }
    bytes += plan->text;
    planned.push(i);
  }
  run->lanes = planned;
  blocks->count(run->session, planned.size, bytes);
}

// The same of packets whose text's length is known beforehand.
void count_run(const Burst& burst, const SealRun& run, CounterBlocks* blocks) {
  std::uint64_t bytes = 0;
  if (run.session->byte_limit != kNoLimit) {
    for (const std::uint32_t i : run.lanes) {
      bytes += usual_text(burst.lanes[i].length);
    }
  }
  blocks->count(run.session, run.lanes.size, bytes);
}

using Aads = std::array<AssociatedData, kBurst>;

template <std::size_t kIp, std::size_t kUdp>
void wrap_usual_run(Burst* burst, const SealRun& run, CounterBlocks* blocks, Wrapped* wrapped,
                    Aads* aads, WorkerContext* worker) {
  const TopologyInterface& interface =
      worker->topology->interfaces[burst->lanes[run.lanes.lanes[0]].interface];
  const OuterMarks marks = OuterMarks::of(*run.outer, interface);
  wrap_run(burst, run, blocks, Drop::esp_send_limit, wrapped, worker,
           [&](Lane* lane, crypto::AeadJob* job, std::uint32_t, std::uint32_t n) {
             return wrap_usual_esp<kIp, kUdp>(lane, run, marks, worker, job, &(*aads)[n]);
           });
}

void wrap_usual_run(Burst* burst, const SealRun& run, CounterBlocks* blocks, Wrapped* wrapped,
                    Aads* aads, WorkerContext* worker) {
  constexpr std::size_t k4 = sizeof(wire::Ipv4Header);
  constexpr std::size_t k6 = sizeof(wire::Ipv6Header);
  constexpr std::size_t kUdp = sizeof(wire::UdpHeader);
  const bool in_udp = run.outer->kind == abi::PeerKind::esp_in_udp;
  const bool ipv4 = run.outer->endpoint.remote.family == Family::ipv4;
  const auto wrap = ipv4 ? (in_udp ? wrap_usual_run<k4, kUdp> : wrap_usual_run<k4, 0>)
                         : (in_udp ? wrap_usual_run<k6, kUdp> : wrap_usual_run<k6, 0>);
  wrap(burst, run, blocks, wrapped, aads, worker);
}

// In tunnel mode, of a session whose sizes the compiler knows, and no dummy.
bool is_usual(const SealRun& run) { return run.session->usual_esp && !run.empty; }

}  // namespace

void esp_encap(Burst* burst, WorkerContext* worker) {
  SealRuns runs;
  LaneList others;
  for (const std::uint32_t i : burst->to_esp_encap) {
    Lane* lane = &burst->lanes[i];
    if (runs.extend(i, *lane)) {
      continue;
    }
    if (lane->peer == abi::kNoPeer) {
      refuse(burst, i, Drop::no_child, worker);
      continue;
    }
    const Peer& peer = worker->shared->peers[lane->peer];
    const std::uint8_t sealer = peer.sealing_worker.load(std::memory_order_relaxed);
    if (sealer != abi::kAnyWorker && sealer != worker->index) {
      others.push(i);
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
    Session* session = peer.sealing_session();
    if (session != nullptr && session->exhausted.load(std::memory_order_relaxed)) {
      drop_unsealed(lane, Drop::esp_send_limit, worker);
      continue;
    }
    if (session == nullptr || session->too_old(worker->now_tsc)) {
      if (lane->length == 0) {
        drop_unsealed(lane, Drop::no_session, worker);
        continue;
      }
      wait_for_session(lane);
      burst->to_host.push(i);
      continue;
    }
    runs.begin(i, *lane, outer, session);
  }
  hand_over(burst, others, worker);

  CounterBlocks blocks;
  Plans plans;
  for (SealRun& run : runs.all()) {
    if (is_usual(run)) {
      count_run(*burst, run, &blocks);
    } else {
      plan_run(burst, &run, &plans, &blocks, worker);
    }
  }
  Wrapped wrapped;
  Aads aads;
  for (const SealRun& run : runs.all()) {
    if (is_usual(run)) {
      wrap_usual_run(burst, run, &blocks, &wrapped, &aads, worker);
      continue;
    }
    wrap_run(burst, run, &blocks, Drop::esp_send_limit, &wrapped, worker,
             [&](Lane* lane, crypto::AeadJob* job, std::uint32_t i, std::uint32_t n) {
               return wrap_esp(lane, *run.outer, plans[i], worker, job, &aads[n]);
             });
  }
  if (wrapped.lanes.size == 0) {
    return;
  }
  worker->aead->seal({wrapped.jobs.data(), wrapped.lanes.size});
  for (std::uint32_t n = 0; n < wrapped.lanes.size; ++n) {
    const std::uint32_t i = wrapped.lanes.lanes[n];
    const OuterTemplate& outer = *wrapped.outers[n];
    if (outer.kind == abi::PeerKind::esp_in_udp) {
      finish_checksum(&burst->lanes[i]);
    }
    send_sealed(burst, i, outer, worker);
  }
}

}  // namespace gotthard::dataplane
