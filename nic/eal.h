// DPDK's environment: memory, threads, which devices it may see.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace gotthard::nic {

enum class Memory : std::uint8_t { hugepages, pages };

struct EalOptions {
  std::string prefix;  // tells instances of one host apart
  Memory memory = Memory::pages;
  std::uint32_t megabytes = 1024;      // Memory::pages only; hugepages are taken as they are needed
  std::vector<unsigned> manager_cpus;  // where the calling thread goes on
  std::vector<unsigned> worker_cpus;   // one pinned thread each
  // PCI addresses that may be probed, each with its driver's arguments ("0000:3b:00.0,key=value");
  // other devices are left alone.
  std::vector<std::string> pci;
};

// Once per process. The calling thread becomes DPDK's main thread; worker i is lcore i + 1. What
// DPDK logs goes to the operator's log as event `dpdk`. Memory of DPDK, in which packets and keys
// live, is left out of core dumps and never swapped.
Status start_eal(const EalOptions& options);

// After workers have been joined and ports and pools are out of use.
void stop_eal();

// Runs `function` on worker `index`'s pinned thread.
Status launch_worker(unsigned index, int (*function)(void*), void* argument);
void join_worker(unsigned index);

// Of DPDK's memory: a NUMA node for objects that worker `index` uses most.
[[nodiscard]] int worker_socket(unsigned index);

}  // namespace gotthard::nic
