// How a worker comes and goes: its engines, limits and rings.
#include <rte_cycles.h>

#include <array>
#include <atomic>
#include <string>
#include <utility>

#include "crypto/random.h"
#include "dataplane/worker.h"

namespace gotthard::dataplane {

Worker::Worker(const WorkerOptions& options, Shared* shared, Rcu* rcu)
    : options_(options),
      rcu_(rcu),
      counters_(std::make_unique<WorkerCounters>()),
      peer_counters_(std::make_unique<PeerCounters[]>(abi::kMaxPeers)) {
  context_.index = options.index;
  context_.shared = shared;
  context_.counters = counters_.get();
  context_.peer_counters = peer_counters_.get();
  const std::uint64_t hz = rte_get_tsc_hz();
  const auto per_second = [hz](std::uint64_t rate) {
    return TokenBucket(hz / rate, static_cast<std::uint32_t>(rate / 10));
  };
  context_.police = PuntPolice(hz);
  context_.handed = options.handed;
  context_.waits = per_second(10000);
  context_.move_notices = per_second(1000);
  context_.pieces = per_second(20000);
  context_.answers = AnswerLimits(hz, crypto::random_u64());
  context_.ipv4_ids = Ipv4Ids(options.index, options.count + 1);  // the last are the manager's
  if (options.handoff != nullptr && options.spread != SpreadPolicy::never) {
    spread_ = std::make_unique<Spread>(options.handoff, options.index, options.spread, hz);
  }
}

Worker::~Worker() {
  while (rte_mbuf* left =
             context_.handed == nullptr ? nullptr : context_.handed->take(options_.index)) {
    rte_pktmbuf_free(left);
  }
  const auto end = [](rte_ring* ring) {
    void* mbuf = nullptr;
    while (ring != nullptr && rte_ring_sc_dequeue(ring, &mbuf) == 0) {
      rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
    }
    rte_ring_free(ring);
  };
  end(from_manager_);
  for (rte_ring* ring : context_.to_manager) {
    end(ring);
  }
}

Result<std::unique_ptr<Worker>> Worker::create(const WorkerOptions& options, Shared* shared,
                                               Rcu* rcu, std::uint32_t ring_size) {
  std::unique_ptr<Worker> worker(new Worker(options, shared, rcu));
  auto aead = crypto::AeadEngine::create(options.backend);
  if (!aead) {
    return tl::unexpected(aead.error());
  }
  auto mac = crypto::Blake2sMac::create();
  if (!mac) {
    return tl::unexpected(mac.error());
  }
  worker->aead_ = std::make_unique<crypto::AeadEngine>(std::move(*aead));
  worker->mac_ = std::make_unique<crypto::Blake2sMac>(std::move(*mac));
  worker->context_.aead = worker->aead_.get();
  worker->context_.mac = worker->mac_.get();
  static std::atomic<std::uint32_t> created{0};  // a process may have several data planes
  const std::uint32_t number = created++;
  const auto make_ring = [&](std::string_view name) {
    return rte_ring_create(fmt::format("w{}_{}_{}", options.index, number, name).c_str(), ring_size,
                           options.socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
  };
  bool made = (worker->from_manager_ = make_ring("down")) != nullptr;
  constexpr std::array<std::string_view, kUpRings> kNames = {"control", "waiting", "host",
                                                             "pieces"};
  for (std::size_t i = 0; i < kUpRings; ++i) {
    made &= (worker->context_.to_manager[i] = make_ring(kNames[i])) != nullptr;
  }
  if (!made) {
    return fail("no memory for the rings of worker {}: raise the hugepages reserved for Gotthard",
                options.index);
  }
  return worker;
}

}  // namespace gotthard::dataplane
