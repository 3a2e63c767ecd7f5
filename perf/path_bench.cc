// What does a packet cost on a worker's whole path? Bursts of 32 of one session and one flow over
// software rings, all stages, both AEAD and tables hot; in cycles of the time stamp counter per
// packet, medians of many bursts. Filling and emptying the rings is not counted.
//   build/perf/path_bench [ROUNDS]
#include <rte_mbuf.h>
#include <sodium.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/log.h"
#include "crypto/init.h"
#include "nic/cores.h"
#include "nic/eal.h"
#include "tests/packet/messages.h"

namespace {

using namespace gotthard;
using namespace gotthard::packet_test;

struct Way {
  std::uint16_t in;
  std::uint16_t out;
};
constexpr Way kSeal{kLan, kWan};
constexpr Way kOpen{kWan, kLan};

Bytes inner(bool from_lan, std::size_t size) {
  return from_lan ? udp("10.1.0.2", 1000, "10.2.0.9", 2000, Bytes(size - 28))
                  : udp("10.2.0.9", 1000, "10.1.0.2", 2000, Bytes(size - 28));
}

Bytes frame_of(Bench* bench, bool seals, std::size_t size, const Keys& keys,
               std::uint64_t counter) {
  if (seals) {
    return ethernet(bench->mac(kLan), inner(true, size));
  }
  return ethernet(bench->mac(kWan),
                  udp("192.0.2.2", 40000, "192.0.2.1", kListenPort,
                      seal(keys.receive, kSession0, counter, inner(false, size))));
}

// Each frame is fresh: counters go on, headers and payload are as received.
std::uint64_t cycles_per_packet(bool seals, std::size_t size, int rounds) {
  Bench bench;
  const Keys keys = bench.install(0, kSession0);
  const Way way = seals ? kSeal : kOpen;
  dataplane::Worker& worker = *bench.manager().workers()[0];
  std::vector<std::uint64_t> costs;
  std::uint64_t counter = 0;
  std::size_t carried = 0;
  worker.online();
  for (int round = 0; round < rounds; ++round) {
    for (std::uint32_t i = 0; i < dataplane::kBurst; ++i) {
      bench.receive(way.in, frame_of(&bench, seals, size, keys, counter++));
    }
    const std::uint64_t start = __rdtsc();
    worker.poll();
    costs.push_back(__rdtsc() - start);
    carried += bench.sent(way.out).size();
  }
  worker.offline();
  if (carried != counter) {
    std::fprintf(stderr, "path_bench: %zu of %zu packets were carried\n", carried,
                 static_cast<std::size_t>(counter));
    std::exit(1);
  }
  std::nth_element(costs.begin(), costs.begin() + rounds / 2, costs.end());
  return costs[static_cast<std::size_t>(rounds) / 2] / dataplane::kBurst;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 2000;
  log::open("path_bench", log::Format::logfmt);
  const auto cpus = nic::available_cpus();
  if (rounds < 1 || !cpus || !crypto::init() || sodium_init() < 0 ||
      !nic::start_eal({.prefix = "gotthard-path-bench-" + std::to_string(getpid()),
                       .memory = nic::Memory::pages,
                       .megabytes = 512,
                       .manager_cpus = {cpus->front().id},
                       .worker_cpus = {cpus->front().id},
                       .pci = {}})) {
    std::fprintf(stderr, "path_bench: ROUNDS is no number above 0, or DPDK does not start\n");
    return 1;
  }
  for (const bool seals : {true, false}) {
    for (const std::size_t size : {64, 512, 1420}) {
      std::printf("%s %zu bytes: %llu cycles per packet\n", seals ? "seal" : "open", size,
                  static_cast<unsigned long long>(cycles_per_packet(seals, size, rounds)));
    }
  }
  nic::stop_eal();
  return 0;
}
