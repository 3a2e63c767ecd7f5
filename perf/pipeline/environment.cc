#include "perf/pipeline/environment.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/log.h"
#include "crypto/init.h"
#include "nic/cores.h"
#include "nic/eal.h"
#include "perf/hugepages.h"
#include "perf/pipeline/scenario.h"

namespace gotthard::perf::pipeline {
namespace {

// What 10,000 sessions and 16 workers' buffers come to; small pages are taken as they are touched.
constexpr std::uint32_t kMegabytes = 1024;

Result<Environment> start() {
  log::open("gotthard-perf", log::Format::logfmt);
  for (const auto subsystem :
       {log::Subsystem::dataplane, log::Subsystem::port, log::Subsystem::handshake}) {
    log::set_level(subsystem, log::Level::error);
  }
  const auto cpus = nic::available_cpus();
  if (!cpus) {
    return tl::unexpected(cpus.error());
  }
  if (const Status ready = crypto::init(); !ready) {
    return tl::unexpected(ready.error());
  }
  Environment environment{.hugepages = free_hugepages_mb() >= kMegabytes};
  for (const nic::Cpu& cpu : *cpus) {
    if (environment.cpus.size() < kMostWorkers) {
      environment.cpus.push_back(cpu.id);
    }
  }
  const Status started =
      nic::start_eal({.prefix = fmt::format("gotthard-perf-{}", getpid()),
                      .memory = environment.hugepages ? nic::Memory::hugepages : nic::Memory::pages,
                      .megabytes = kMegabytes,
                      .manager_cpus = {environment.cpus.front()},
                      .worker_cpus = environment.cpus,
                      .pci = {}});
  if (!started) {
    return tl::unexpected(started.error());
  }
  return environment;
}

}  // namespace

Result<Environment> start_environment() {
  static const Result<Environment> kStarted = start();
  return kStarted;
}

}  // namespace gotthard::perf::pipeline
