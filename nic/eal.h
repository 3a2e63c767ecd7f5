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
  std::vector<std::string> pci;        // addresses that may be probed; others are left alone
};

// Once per process. The calling thread becomes DPDK's main thread; worker i is lcore i + 1. What
// DPDK logs goes to the operator's log as event `dpdk`. Memory of DPDK is left out of core dumps.
Status start_eal(const EalOptions& options);

// Runs `function` on worker `index`'s pinned thread.
Status launch_worker(unsigned index, int (*function)(void*), void* argument);
void join_worker(unsigned index);

// Of DPDK's memory: a NUMA node for objects that worker `index` uses most.
[[nodiscard]] int worker_socket(unsigned index);

}  // namespace gotthard::nic
