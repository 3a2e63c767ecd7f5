// Memory for the data plane: 2 MB pages when there are enough or enough can be had, so that a burst
// over many buffers does not miss the TLB at each packet.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "control/config/config.h"

namespace gotthard::supervisor {

inline constexpr std::uint64_t kHugepageSize = 2U << 20;
inline constexpr const char* kHugepageDir = "/sys/kernel/mm/hugepages/hugepages-2048kB";

// Packet buffers a NUMA node: what is written, or twice what the rings of all queues hold, as many
// packets are under way or wait. `cpus`: that workers may have when nothing says how many there
// are.
[[nodiscard]] unsigned mbufs_needed(const config::Config& config, unsigned cpus);

// What the data plane allocates with this configuration, rounded up to pages. `nodes`: NUMA nodes
// that its ports are on, each with buffers of its own.
[[nodiscard]] std::uint64_t hugepages_needed(const config::Config& config, unsigned cpus,
                                             unsigned nodes);

// Those of the ports' PCI devices; at least one.
[[nodiscard]] unsigned port_nodes(const config::Config& config,
                                  const std::string& devices = "/sys/bus/pci/devices");
[[nodiscard]] unsigned online_cpus();

struct HugepagePlan {
  bool use = false;
  std::uint64_t reserve = 0;  // pages to add to the machine's pool first
  bool operator==(const HugepagePlan&) const = default;
};
// `available_kb` is MemAvailable: a reservation leaves at least half of it to others, or is not
// tried.
Result<HugepagePlan> plan_hugepages(config::Hugepages wanted, std::uint64_t needed,
                                    std::uint64_t free_pages, std::uint64_t available_kb);

// The machine's pool of 2 MB pages. Its lock keeps gateways that start at the same time from
// counting the same free pages: it is held from counting until the data plane has mapped them.
class HugepagePool {
 public:
  explicit HugepagePool(std::string directory = kHugepageDir) : directory_(std::move(directory)) {}

  Status lock();
  void unlock() { lock_.reset(); }
  [[nodiscard]] Result<std::uint64_t> free_pages() const { return read("free_hugepages"); }
  // Pages that could really be added.
  Result<std::uint64_t> add(std::uint64_t pages);
  Status remove(std::uint64_t pages);

 private:
  [[nodiscard]] Result<std::uint64_t> read(const char* file) const;
  // What `resize` sets. nr_hugepages counts those too that go once nobody holds them, and the
  // kernel may be still taking them from a data plane that was killed.
  [[nodiscard]] Result<std::uint64_t> size() const;
  [[nodiscard]] Status resize(std::uint64_t pages) const;

  std::string directory_;
  UniqueFd lock_;
};

Result<std::uint64_t> available_memory_kb();

}  // namespace gotthard::supervisor
