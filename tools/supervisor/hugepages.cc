#include "tools/supervisor/hugepages.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <set>

#include "dataplane/abi/limits.h"

namespace gotthard::supervisor {
namespace {

constexpr std::uint64_t kMegabyte = 1U << 20;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t to) {
  return (value + to - 1) / to * to;
}

}  // namespace

unsigned online_cpus() {
  return static_cast<unsigned>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

unsigned port_nodes(const config::Config& config, const std::string& devices) {
  std::set<int> nodes;
  for (const config::Port& port : config.ports) {
    // "0000:3b:00.0" or "0000:3b:00.0,argument=1"; a vdev has no such file.
    std::ifstream file(devices + "/" + port.device.substr(0, port.device.find(',')) + "/numa_node");
    if (int node = -1; file >> node && node >= 0) {
      nodes.insert(node);
    }
  }
  return std::max(1U, static_cast<unsigned>(nodes.size()));
}

unsigned mbufs_needed(const config::Config& config, unsigned cpus) {
  constexpr unsigned kLeast = 16384;
  constexpr unsigned kDescriptors = 512;  // of each ring, one for each direction
  if (config.dataplane.mbufs) {
    return *config.dataplane.mbufs;
  }
  const auto& cores = config.dataplane.cores;
  const auto workers =
      cores.empty() ? config.dataplane.workers.value_or(cpus) : static_cast<unsigned>(cores.size());
  const auto rings = 2 * static_cast<unsigned>(config.ports.size()) *
                     std::min<unsigned>(workers, abi::kMaxWorkers);
  return std::max(kLeast, 2 * rings * kDescriptors);
}

std::uint64_t hugepages_needed(const config::Config& config, unsigned cpus, unsigned nodes) {
  std::uint64_t mtu = 1500;
  for (const config::Port& port : config.ports) {
    mtu = std::max<std::uint64_t>(mtu, port.mtu);
  }
  std::uint64_t peers = 0;
  for (const config::WireGuard& tunnel : config.wireguard) {
    peers += tunnel.peers.size();
  }
  for (const config::Ipsec& tunnel : config.ipsec) {
    for (const config::Connection& connection : tunnel.connections) {
      peers += connection.children.size();
    }
  }
  // Beside the frame a buffer holds the mbuf, headroom for nested tunnels and the ring's and pool's
  // words, and is rounded up to the unit of a packet socket's ring.
  const std::uint64_t buffers = std::uint64_t{mbufs_needed(config, cpus)} * nodes * (mtu + 1600);
  // Up to four keypairs a peer, the retiring one included, each with its anti-replay window
  // (16 bytes for 64 numbers).
  const std::uint64_t sessions = peers * 4 * (config.dataplane.replay_window / 4 + 1024ULL);
  // EAL, queues, per-core caches. Forwarding tables are no memory of DPDK's.
  const std::uint64_t rest = 48 * kMegabyte;
  return round_up(buffers + sessions + rest, kHugepageSize) / kHugepageSize;
}

Result<HugepagePlan> plan_hugepages(config::Hugepages wanted, std::uint64_t needed,
                                    std::uint64_t free_pages, std::uint64_t available_kb) {
  if (wanted == config::Hugepages::never) {
    return HugepagePlan{};
  }
  if (free_pages >= needed) {
    return HugepagePlan{true, 0};
  }
  const std::uint64_t missing = needed - free_pages;
  const std::uint64_t missing_kb = missing * (kHugepageSize / 1024);
  const bool required = wanted == config::Hugepages::required;
  if (missing_kb <= (required ? available_kb : available_kb / 2)) {
    return HugepagePlan{true, missing};
  }
  if (required) {
    return fail(
        "hugepages = \"required\", but {} more pages of 2 MB are needed and the machine has only "
        "{} MB of memory left: free memory, lower [dataplane] mbufs, or write "
        "hugepages = \"auto\"",
        missing, available_kb / 1024);
  }
  return HugepagePlan{};
}

Status HugepagePool::lock() {
  UniqueFd fd(open((directory_ + "/nr_hugepages").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return fail("this kernel has no pages of 2 MB ({}: {})", directory_, std::strerror(errno));
  }
  if (flock(fd.get(), LOCK_EX) != 0) {
    return fail("cannot lock {}: {}", directory_, std::strerror(errno));
  }
  lock_ = std::move(fd);
  return {};
}

Result<std::uint64_t> HugepagePool::read(const char* file) const {
  std::ifstream stream(directory_ + "/" + file);
  std::uint64_t value = 0;
  if (!(stream >> value)) {
    return fail("cannot read {}/{}", directory_, file);
  }
  return value;
}

Result<std::uint64_t> HugepagePool::size() const {
  for (;;) {
    const auto surplus = read("surplus_hugepages");
    const auto all = read("nr_hugepages");
    const auto surplus_then = read("surplus_hugepages");
    if (!surplus || !all || !surplus_then) {
      return !surplus ? surplus : !all ? all : surplus_then;
    }
    if (*surplus == *surplus_then) {
      return *all - std::min(*all, *surplus);
    }
  }
}

Status HugepagePool::resize(std::uint64_t pages) const {
  const std::string path = directory_ + "/nr_hugepages";
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  const std::string text = fmt::to_string(pages);
  if (!fd || write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return fail("cannot write {} to {}: {}", pages, path, std::strerror(errno));
  }
  return {};
}

Result<std::uint64_t> HugepagePool::add(std::uint64_t pages) {
  const auto before = size();
  if (!before) {
    return before;
  }
  if (auto resized = resize(*before + pages); !resized) {
    return tl::unexpected(resized.error());
  }
  const auto after = size();
  if (!after) {
    return after;
  }
  return *after > *before ? *after - *before : 0;
}

Status HugepagePool::remove(std::uint64_t pages) {
  const auto before = size();
  if (!before) {
    return tl::unexpected(before.error());
  }
  return resize(*before > pages ? *before - pages : 0);
}

Result<std::uint64_t> available_memory_kb() {
  std::ifstream stream("/proc/meminfo");
  std::string key;
  while (stream >> key) {
    if (key == "MemAvailable:") {
      std::uint64_t value = 0;
      stream >> value;
      return value;
    }
    stream.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return fail("/proc/meminfo does not say how much memory is available");
}

}  // namespace gotthard::supervisor
