// DPDK itself, on ports that need no kernel device.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/log.h"
#include "nic/cores.h"
#include "nic/eal.h"
#include "nic/pool.h"
#include "nic/port.h"
#include "tests/unit/in_child.h"

namespace gotthard::nic {
namespace {

std::string prefix() { return "gotthard-test-" + std::to_string(getpid()); }

// With as many workers as wished, on whatever CPUs there are.
bool start(Complaints& complaints, unsigned workers, Memory memory = Memory::pages) {
  const auto cpus = available_cpus();
  EalOptions options{.prefix = prefix(), .memory = memory, .megabytes = 128};
  for (unsigned i = 0; i < workers; ++i) {
    options.worker_cpus.push_back((*cpus)[i % cpus->size()].id);
  }
  options.manager_cpus = {cpus->back().id};
  return complaints.expect_ok(start_eal(options), "EAL");
}

// Whether /proc/self/smaps has `flag` for the mapping that holds `address`.
bool mapping_has(const void* address, const std::string& flag) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    const auto dash = line.find('-');
    if (dash != std::string::npos && dash < line.find(' ')) {
      inside = std::stoull(line.substr(0, dash), nullptr, 16) <= wanted &&
               wanted < std::stoull(line.substr(dash + 1), nullptr, 16);
    } else if (inside && line.starts_with("VmFlags:")) {
      return (line + " ").find(" " + flag + " ") != std::string::npos;
    }
  }
  return false;
}

int cpu_of_thread(void* where) {
  *static_cast<int*>(where) = sched_getcpu();
  return 0;
}

TEST(Eal, PinsWorkersAndTellsTheOperatorInOurFormat) {
  in_child([](Complaints& complaints) {
    // What DPDK itself would print is looked for in what this process says on standard error.
    std::string path = std::filesystem::temp_directory_path() / "nic-eal-XXXXXX";
    const int file = mkstemp(path.data());
    const int shown = dup(STDERR_FILENO);
    dup2(file, STDERR_FILENO);
    log::open("test", log::Format::logfmt);
    log::set_level(log::Subsystem::port, log::Level::debug);
    const bool started = start(complaints, 2);
    const bool refused = rte_eth_dev_start(77) != 0;
    dup2(shown, STDERR_FILENO);
    std::ifstream text(path);
    int lines = 0;
    for (std::string line; std::getline(text, line); ++lines) {
      complaints.expect(line.find("event=dpdk") != std::string::npos, "not ours: " + line);
    }
    std::filesystem::remove(path);
    complaints.expect(refused && lines > 0, "nothing was logged");
    if (!started) {
      return;
    }
    const auto cpus = available_cpus();
    for (unsigned i = 0; i < 2; ++i) {
      int cpu = -1;
      complaints.expect_ok(launch_worker(i, cpu_of_thread, &cpu), "launch");
      join_worker(i);
      complaints.expect(cpu == static_cast<int>((*cpus)[i % cpus->size()].id), "worker's CPU");
    }
    const std::string runtime = rte_eal_get_runtime_dir();
    stop_eal();
    complaints.expect(!std::filesystem::exists(runtime), runtime + " is left behind");
  });
}

TEST(Eal, KeepsItsMemoryOutOfDumpsAndSwap) {
  in_child([](Complaints& complaints) {
    if (!start(complaints, 1)) {
      return;
    }
    void* memory = rte_malloc("keys", 4096, 64);
    complaints.expect(mapping_has(memory, "dd"), "may be dumped");
    complaints.expect(mapping_has(memory, "lo"), "may be swapped");
  });
}

// Sees to `count` free hugepages of 2 MB where the machine lets us, and gives back what it took.
class FreeHugepages {
 public:
  explicit FreeHugepages(int count) {
    const int missing = count - read("free_hugepages");
    if (missing > 0) {
      before_ = read("nr_hugepages");
      std::ofstream(kFolder + "nr_hugepages") << before_ + missing;
    }
    enough_ = read("free_hugepages") >= count;
  }
  ~FreeHugepages() {
    if (before_ >= 0) {
      std::ofstream(kFolder + "nr_hugepages") << before_;
    }
  }
  FreeHugepages(const FreeHugepages&) = delete;
  FreeHugepages& operator=(const FreeHugepages&) = delete;
  [[nodiscard]] bool enough() const { return enough_; }

 private:
  static int read(const std::string& name) {
    int value = 0;
    std::ifstream(kFolder + name) >> value;
    return value;
  }
  inline static const std::string kFolder = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
  int before_ = -1;
  bool enough_ = false;
};

TEST(Eal, KeepsHugepagesOutOfDumps) {
  const FreeHugepages pages(32);
  if (!pages.enough()) {
    GTEST_SKIP() << "needs 32 free hugepages, or root to reserve them";
  }
  in_child([](Complaints& complaints) {
    if (!start(complaints, 1, Memory::hugepages)) {
      return;
    }
    complaints.expect(mapping_has(rte_malloc("keys", 4096, 64), "dd"), "may be dumped");
    // More than what was mapped at start.
    void* more = rte_malloc("keys", 16U << 20, 64);
    complaints.expect(more != nullptr && mapping_has(more, "dd"), "later pages may be dumped");
    complaints.expect(mapping_has(more, "ht"), "no hugepage");
  });
}

TEST(Eal, SaysWhyItDoesNotStart) {
  in_child([](Complaints& complaints) {
    // DPDK prints its usage.
    const bool quiet = std::freopen("/dev/null", "w", stdout) != nullptr &&
                       std::freopen("/dev/null", "w", stderr) != nullptr;
    complaints.expect(quiet, "/dev/null");
    log::open("test", log::Format::logfmt);
    const auto started = start_eal(
        {.prefix = prefix(), .megabytes = 64, .manager_cpus = {0}, .worker_cpus = {4095}});
    complaints.expect(
        !started && started.error().message.find("DPDK does not start") != std::string::npos,
        "a CPU that is not there is taken");
  });
}

TEST(Pool, LeavesRoomForNestedTunnels) {
  in_child([](Complaints& complaints) {
    if (!start(complaints, 1)) {
      return;
    }
    for (const std::uint16_t mtu : {1280, 1500, 2000, 9000, 9600}) {
      auto pool = create_pool("mtu" + std::to_string(mtu), 512, mtu, worker_socket(0));
      if (!complaints.expect_ok(pool, "pool")) {
        return;
      }
      rte_mbuf* mbuf = rte_pktmbuf_alloc(*pool);
      // Headers of two tunnels in front of the received IP packet.
      complaints.expect(rte_pktmbuf_headroom(mbuf) >= 2 * kOneEncapsulation, "headroom");
      complaints.expect(rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(mtu + 18)) != nullptr,
                        "frame");
      complaints.expect(rte_pktmbuf_tailroom(mbuf) >= kTailroom, "tailroom");
      rte_pktmbuf_free(mbuf);
      // What is budgeted for a buffer when memory is set aside.
      const unsigned bytes = rte_mempool_calc_obj_size((*pool)->elt_size, 0, nullptr);
      complaints.expect(bytes <= std::max<unsigned>(mtu, 1500) + 1600,
                        "a buffer takes " + std::to_string(bytes));
    }
    const auto too_many = create_pool("many", 1U << 20, 9000, worker_socket(0));
    complaints.expect(
        !too_many && too_many.error().message.find("lower dataplane.mbufs") != std::string::npos,
        "memory that is not there");
  });
}

struct Opened {
  rte_mempool* pool = nullptr;
  Result<std::unique_ptr<Port>> port;
};

Opened open_port(const std::string& text, unsigned workers, std::uint16_t mtu) {
  static int pools = 0;
  auto pool = create_pool("packets" + std::to_string(pools++), 2048, mtu, worker_socket(0));
  auto device = parse_device(text, workers, mtu);
  if (!pool || !device) {
    return {.port = tl::unexpected(pool ? device.error() : pool.error())};
  }
  return {.pool = *pool,
          .port = Port::open({.device = *device, .workers = workers, .mtu = mtu, .pool = *pool})};
}

TEST(Port, HasAQueueAWorkerAndSaysWhatItIs) {
  in_child([](Complaints& complaints) {
    if (!start(complaints, 2)) {
      return;
    }
    const Opened opened = open_port("net_null0,copy=1", 2, 9000);
    if (!complaints.expect_ok(opened.port, "open")) {
      return;
    }
    Port& port = **opened.port;
    complaints.expect(port.queues() == 2, "queues");
    complaints.expect(port.mtu() == 9000, "mtu");
    complaints.expect(port.driver() == "net_null", "driver " + port.driver());
    complaints.expect(port.link_up(), "link");
    std::array<rte_mbuf*, 8> burst{};
    for (std::uint16_t queue = 0; queue < 2; ++queue) {
      const auto count = rte_eth_rx_burst(port.ethdev(), queue, burst.data(), burst.size());
      complaints.expect(count == burst.size(), "receive");
      complaints.expect(rte_eth_tx_burst(port.ethdev(), queue, burst.data(), count) == count,
                        "send");
    }
    complaints.expect(port.statistics().rx_packets == 16, "received");
    complaints.expect(port.statistics().tx_packets == 16, "sent");
  });
}

TEST(Port, RingsTakeAtMostHalfOfTheBuffers) {
  EXPECT_EQ(descriptors_for(16384, 2, 1), 1024);
  EXPECT_EQ(descriptors_for(16384, 2, 2), 1024);
  EXPECT_EQ(descriptors_for(16384, 2, 8), 256);
  EXPECT_EQ(descriptors_for(20000, 3, 4), 256);
  EXPECT_EQ(descriptors_for(4096, 16, 64), 64);
}

TEST(Port, LeavesItsNameWhenItGoes) {
  in_child([](Complaints& complaints) {
    if (!start(complaints, 1)) {
      return;
    }
    for (int i = 0; i < 3; ++i) {
      auto device = parse_device("net_null0", 1, 1500);
      auto pool = create_pool("pool" + std::to_string(i), 1024, 1500, worker_socket(0));
      const auto port = Port::open({.device = *device, .mtu = 1500, .pool = *pool});
      complaints.expect_ok(port, "open");
      complaints.expect(rte_eth_dev_count_avail() == 1, "one port");
    }
    complaints.expect(rte_eth_dev_count_avail() == 0, "no port");
  });
}

TEST(Port, IsRefusedWithASentence) {
  in_child([](Complaints& complaints) {
    log::open("test", log::Format::logfmt);
    log::set_level(log::Subsystem::port, log::Level::off);
    if (!start(complaints, 2)) {
      return;
    }
    const auto says = [&](const Opened& opened, const std::string& text) {
      complaints.expect(!opened.port, text + ": opens");
      if (!opened.port) {
        complaints.expect(opened.port.error().message.find(text) != std::string::npos,
                          opened.port.error().message);
      }
    };
    says(open_port("net_af_packet0,iface=nowhere0", 1, 1500), "does not open");
    says(open_port("net_nodriver0", 1, 1500), "does not open");
    says(open_port("0000:ff:1f.7", 1, 1500), "vfio-pci");
  });
}

}  // namespace
}  // namespace gotthard::nic
