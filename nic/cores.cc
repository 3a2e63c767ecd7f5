#include "nic/cores.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hwloc.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <set>

namespace gotthard::nic {
namespace {

struct TopologyFree {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};
using TopologyPtr = std::unique_ptr<hwloc_topology, TopologyFree>;

// The node with most ports; the first one without any.
int busiest_node(const std::vector<int>& nodes) {
  std::map<int, int> ports;
  for (const int node : nodes) {
    if (node >= 0) {
      ++ports[node];
    }
  }
  const auto most = std::max_element(
      ports.begin(), ports.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == ports.end() ? -1 : most->first;
}

// Near the ports first, one unit of each core before the second of any, and last of all the core of
// the first CPU, where most kernels take their interrupts.
std::vector<Cpu> by_preference(std::vector<Cpu> cpus, int node) {
  const unsigned housekeeping =
      std::min_element(cpus.begin(), cpus.end(), [](const Cpu& a, const Cpu& b) {
        return a.id < b.id;
      })->core;
  std::map<unsigned, unsigned> seen;
  std::map<unsigned, unsigned> rank;
  for (const Cpu& cpu : cpus) {
    rank[cpu.id] = seen[cpu.core]++;
  }
  std::stable_sort(cpus.begin(), cpus.end(), [&](const Cpu& a, const Cpu& b) {
    const auto key = [&](const Cpu& cpu) {
      return std::tuple(cpu.core == housekeeping, cpu.node != node, rank[cpu.id]);
    };
    return key(a) < key(b);
  });
  return cpus;
}

Result<CorePlan> plan_named(const std::vector<Cpu>& cpus, const std::vector<unsigned>& cores) {
  std::set<unsigned> known;
  for (const Cpu& cpu : cpus) {
    known.insert(cpu.id);
  }
  std::set<unsigned> named;
  for (const unsigned core : cores) {
    if (!named.insert(core).second) {
      return fail("dataplane.cores names {} twice: a core has one worker", core);
    }
    if (!known.contains(core)) {
      return fail("dataplane.cores names {}, but this process may run on {} only", core,
                  fmt::join(known, ", "));
    }
  }
  CorePlan plan;
  plan.workers = cores;
  return plan;
}

// Everything but one core, which has two units where the machine has hyperthreads; of a single core
// everything but one unit.
std::size_t default_workers(const std::vector<Cpu>& preferred, const CoreWish& wish) {
  const unsigned left = preferred.back().core;
  std::size_t count = static_cast<std::size_t>(std::count_if(
      preferred.begin(), preferred.end(), [left](const Cpu& cpu) { return cpu.core != left; }));
  if (count == 0) {
    count = preferred.size() - 1;
  }
  if (wish.cpu_quota) {
    count = std::min<std::size_t>(count, std::max(2U, *wish.cpu_quota) - 1);
  }
  return std::clamp<std::size_t>(count, 1, wish.most_workers);
}

// "max 100000" or "200000 100000" of cgroup v2; v1 has a file for each number.
std::optional<unsigned> quota_in(const std::filesystem::path& group) {
  long long quota = -1;
  long long period = 0;
  if (std::ifstream file(group / "cpu.max"); !(file >> quota >> period)) {
    std::ifstream(group / "cpu.cfs_quota_us") >> quota;
    std::ifstream(group / "cpu.cfs_period_us") >> period;
  }
  if (quota <= 0 || period <= 0) {
    return std::nullopt;
  }
  return static_cast<unsigned>(std::max(1LL, quota / period));
}

}  // namespace

Result<std::vector<Cpu>> available_cpus() {
  hwloc_topology* raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) {
    return fail("hwloc does not start");
  }
  const TopologyPtr topology(raw);
  if (hwloc_topology_load(raw) != 0) {
    return fail("hwloc cannot read this machine's topology");
  }
  const std::unique_ptr<hwloc_bitmap_s, decltype(&hwloc_bitmap_free)> mask(hwloc_bitmap_alloc(),
                                                                           hwloc_bitmap_free);
  if (hwloc_get_cpubind(raw, mask.get(), HWLOC_CPUBIND_PROCESS) != 0) {
    hwloc_bitmap_copy(mask.get(), hwloc_topology_get_allowed_cpuset(raw));
  }
  std::vector<Cpu> cpus;
  hwloc_obj_t unit = nullptr;
  while ((unit = hwloc_get_next_obj_by_type(raw, HWLOC_OBJ_PU, unit)) != nullptr) {
    if (!hwloc_bitmap_isset(mask.get(), unit->os_index)) {
      continue;
    }
    const hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(raw, HWLOC_OBJ_CORE, unit);
    const int node = unit->nodeset != nullptr ? hwloc_bitmap_first(unit->nodeset) : 0;
    cpus.push_back({.id = unit->os_index,
                    .core = core != nullptr ? core->logical_index : unit->logical_index,
                    .node = node});
  }
  if (cpus.empty()) {
    return fail("this process may not run on any CPU that hwloc knows");
  }
  return cpus;
}

Result<CorePlan> plan_cores(const std::vector<Cpu>& cpus, const CoreWish& wish) {
  CorePlan plan;
  if (!wish.cores.empty()) {
    auto named = plan_named(cpus, wish.cores);
    if (!named) {
      return named;
    }
    plan = std::move(*named);
  } else {
    const auto preferred = by_preference(cpus, busiest_node(wish.port_nodes));
    const std::size_t count = wish.workers ? *wish.workers : default_workers(preferred, wish);
    if (count > cpus.size()) {
      return fail(
          "dataplane.workers = {}, but this process may run on {} CPUs only: write at most "
          "that many",
          count, cpus.size());
    }
    for (std::size_t i = 0; i < count; ++i) {
      plan.workers.push_back(preferred[i].id);
    }
  }
  for (const Cpu& cpu : cpus) {
    if (std::find(plan.workers.begin(), plan.workers.end(), cpu.id) == plan.workers.end()) {
      plan.manager.push_back(cpu.id);
    }
  }
  if (plan.manager.empty()) {
    for (const Cpu& cpu : cpus) {
      plan.manager.push_back(cpu.id);
    }
    plan.warning =
        fmt::format("workers use every CPU ({}): the manager, control and the host share them",
                    fmt::join(plan.workers, ", "));
  }
  return plan;
}

std::optional<unsigned> cpu_quota(const std::filesystem::path& membership,
                                  const std::filesystem::path& hierarchy) {
  std::optional<unsigned> smallest;
  std::ifstream file(membership);
  std::string line;
  // "0::/a/b" in the one hierarchy of v2, "4:cpu,cpuacct:/a/b" in one of v1's.
  while (std::getline(file, line)) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool cpu = ("," + controllers + ",").find(",cpu,") != std::string::npos;
    if (!controllers.empty() && !cpu) {
      continue;
    }
    const auto top = controllers.empty() ? hierarchy : hierarchy / controllers;
    // Each ancestor limits as well; in a container its own group is mounted as the top.
    for (auto group = std::filesystem::path(line.substr(second + 1)); !group.empty();
         group = group.parent_path()) {
      if (const auto quota = quota_in(top / group.relative_path())) {
        smallest = std::min(smallest.value_or(*quota), *quota);
      }
      if (!group.has_relative_path()) {
        break;
      }
    }
  }
  return smallest;
}

int pci_node(const std::string& address) {
  std::ifstream file("/sys/bus/pci/devices/" + address + "/numa_node");
  int node = -1;
  file >> node;
  return file ? node : -1;
}

}  // namespace gotthard::nic
