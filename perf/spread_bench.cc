// What do other workers bring when one peer sends all from one port? 1,000 sealed packets wait at
// the queue of worker 0; how long until all are opened and sent on, in their order, with what each
// policy lets worker 1 do? Medians of many rounds, for sizes of inner packets.
//   build/perf/spread_bench [ROUNDS]
// Needs two CPUs for itself: trust the ratio, not the values.
#include <rte_mbuf.h>
#include <sched.h>
#include <sodium.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "crypto/init.h"
#include "nic/cores.h"
#include "nic/eal.h"
#include "tests/packet/messages.h"

namespace {

using namespace gotthard;
using namespace gotthard::packet_test;
using dataplane::SpreadPolicy;

constexpr std::size_t kPackets = 1000;

void pin(std::thread* thread, unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(thread->native_handle(), sizeof(set), &set);
}

// Frames of one round; counters go on from round to round.
std::vector<rte_mbuf*> frames_of(const Bench& bench, const Keys& keys, std::size_t size,
                                 std::uint64_t* counter) {
  std::vector<rte_mbuf*> frames;
  for (std::size_t i = 0; i < kPackets; ++i) {
    Bytes payload(size - 28);
    put16(&payload, 0, static_cast<std::uint16_t>(i));
    const Bytes frame =
        ethernet(bench.mac(kWan), udp("192.0.2.2", 40000, "192.0.2.1", kListenPort,
                                      seal(keys.receive, kSession0, (*counter)++,
                                           udp("10.2.0.9", 1000, "10.1.0.2", 2000, payload))));
    frames.push_back(rte_pktmbuf_alloc(Bench::pool()));
    std::copy(frame.begin(), frame.end(),
              reinterpret_cast<std::uint8_t*>(
                  rte_pktmbuf_append(frames.back(), static_cast<std::uint16_t>(frame.size()))));
  }
  return frames;
}

bool in_order(const std::vector<Bytes>& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (get16(frames[i], 14 + 28) != i) {
      return false;
    }
  }
  return true;
}

struct Outcome {
  double microseconds = 0;
  int out_of_order = 0;  // rounds
};

Outcome measure(SpreadPolicy policy, std::size_t size, int rounds,
                const std::vector<nic::Cpu>& cpus) {
  Bench bench(2, {.spread = policy});
  const Keys keys = bench.install(0, kSession0);
  std::vector<std::thread> threads;
  std::uint64_t counter = 0;
  std::vector<double> times;
  Outcome outcome;
  for (unsigned i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] { bench.manager().workers()[i]->run(); });
    pin(&threads.back(), cpus[i % cpus.size()].id);
  }
  for (int round = 0; round < rounds; ++round) {
    const std::vector<rte_mbuf*> frames = frames_of(bench, keys, size, &counter);
    const std::uint64_t start = __rdtsc();
    for (rte_mbuf* frame : frames) {
      bench.receive(kWan, frame);
    }
    while (bench.waiting(kLan) < kPackets) {
      usleep(20);
    }
    times.push_back(static_cast<double>(__rdtsc() - start) * 1e6 /
                    static_cast<double>(rte_get_tsc_hz()));
    outcome.out_of_order += in_order(bench.sent(kLan)) ? 0 : 1;
  }
  for (const auto& worker : bench.manager().workers()) {
    worker->stop();
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  outcome.microseconds = times[static_cast<std::size_t>(rounds) / 2];
  return outcome;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100;
  log::open("spread_bench", log::Format::logfmt);
  log::set_level(log::Subsystem::dataplane, log::Level::warning);
  const auto cpus = nic::available_cpus();
  if (rounds < 1 || !cpus || !crypto::init() || sodium_init() < 0 ||
      !nic::start_eal({.prefix = "gotthard-spread-bench-" + std::to_string(getpid()),
                       .memory = nic::Memory::pages,
                       .megabytes = 512,
                       .manager_cpus = {cpus->front().id},
                       .worker_cpus = {cpus->front().id},
                       .pci = {}})) {
    std::fprintf(stderr, "spread_bench: ROUNDS is no number above 0, or DPDK does not start\n");
    return 1;
  }
  for (const std::size_t size : {64, 512, 1420}) {
    const Outcome alone = measure(SpreadPolicy::never, size, rounds, *cpus);
    for (const auto& [policy, name] :
         {std::pair{SpreadPolicy::automatic, "auto"}, std::pair{SpreadPolicy::always, "always"}}) {
      const Outcome together = measure(policy, size, rounds, *cpus);
      std::printf(
          "%zu bytes, %s: %.2f times as fast as alone (%.0f us, alone %.0f), %d of %d rounds "
          "out of order\n",
          size, name, alone.microseconds / together.microseconds, together.microseconds,
          alone.microseconds, together.out_of_order, rounds);
    }
  }
  nic::stop_eal();
  return 0;
}
