// On which cores workers run: near the ports' NUMA node, within what the process may use, by
// default with one core left for everything else.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace gotthard::nic {

// A processing unit that this process may run on.
struct Cpu {
  unsigned id = 0;
  unsigned core = 0;  // units of one core share it
  int node = 0;       // NUMA
};

struct CoreWish {
  std::optional<unsigned> workers;  // absent: as many as are left
  std::vector<unsigned> cores;      // exactly these
  std::vector<int> port_nodes;      // NUMA node of each port, -1 unknown
  // Limits of what is chosen by default: CPUs' worth of time that the cgroup grants, and how many
  // workers there may be at all.
  std::optional<unsigned> cpu_quota;
  unsigned most_workers = 64;
};

struct CorePlan {
  std::vector<unsigned> workers;  // CPU of each worker
  std::vector<unsigned> manager;  // CPUs of everything else
  std::string warning;            // for the operator; empty when there is none
};

// hwloc's view, limited to the affinity mask of this process (and so to its cpuset).
Result<std::vector<Cpu>> available_cpus();

// Of this process's cgroup and those above it, the smallest CPU bandwidth limit in whole CPUs,
// rounded down but at least one; none when nothing limits it.
[[nodiscard]] std::optional<unsigned> cpu_quota(
    const std::filesystem::path& membership = "/proc/self/cgroup",
    const std::filesystem::path& hierarchy = "/sys/fs/cgroup");

Result<CorePlan> plan_cores(const std::vector<Cpu>& cpus, const CoreWish& wish);

// The NUMA node of a PCI device, -1 when it is not known.
[[nodiscard]] int pci_node(const std::string& address);

}  // namespace gotthard::nic
