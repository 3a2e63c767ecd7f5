// DPDK for fuzz targets, started when the first input runs, so that its main thread is the one that
// runs them all.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "nic/cores.h"
#include "nic/eal.h"

namespace gotthard::fuzz {

inline void start_eal(std::uint32_t megabytes) {
  const auto cpus = nic::available_cpus();
  if (!cpus || !nic::start_eal({.prefix = "gotthard-fuzz-" + std::to_string(getpid()),
                                .memory = nic::Memory::pages,
                                .megabytes = megabytes,
                                .manager_cpus = {cpus->front().id},
                                .worker_cpus = {cpus->front().id},
                                .pci = {}})) {
    std::abort();
  }
}

}  // namespace gotthard::fuzz
