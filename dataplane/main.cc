// gotthard-dataplane: opens the ports, drops its privileges, polls.
#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <span>

#include "base/log.h"
#include "base/socket.h"
#include "crypto/init.h"
#include "dataplane/manager/manager.h"
#include "dataplane/options.h"
#include "nic/capabilities.h"
#include "nic/cores.h"
#include "nic/eal.h"
#include "nic/pool.h"

namespace gotthard::dataplane {
namespace {

void reply(int socket, abi::HostReplyType type, std::string_view text) {
  abi::HostReply message{.type = type};
  text.copy(message.text.data(), message.text.size() - 1);
  // A supervisor that is gone has its own way of ending us.
  (void)send_message(socket, std::as_bytes(std::span(&message, 1)));
}

// With the ports' addresses: each twin takes its port's.
void reply_ready(int socket, const Manager& manager) {
  abi::HostReply message{.type = abi::HostReplyType::ready};
  for (std::size_t i = 0; i < manager.ports().size(); ++i) {
    message.macs[i] = manager.ports()[i].port->mac();
  }
  (void)send_message(socket, std::as_bytes(std::span(&message, 1)));
}

// --no-huge takes its memory in one piece at start: buffers, and room for sessions with their
// windows (forwarding tables are not DPDK's memory).
std::uint32_t megabytes_needed(const Options& options, std::span<const nic::Device> devices,
                               std::uint16_t mtu) {
  std::set<int> nodes{-1};
  for (const nic::Device& device : devices) {
    nodes.insert(device.pci ? nic::pci_node(device.name) : -1);
  }
  const std::size_t pools = std::max<std::size_t>(1, nodes.size() - 1);
  const std::uint64_t buffers = std::uint64_t{options.mbufs} * pools * (mtu + 1600U);
  return static_cast<std::uint32_t>(buffers >> 20) + 192;
}

Result<nic::CorePlan> choose_cores(const Options& options, std::span<const nic::Device> devices) {
  const auto cpus = nic::available_cpus();
  if (!cpus) {
    return tl::unexpected(cpus.error());
  }
  nic::CoreWish wish{.workers = options.workers,
                     .cores = options.cores,
                     .port_nodes = {},
                     .cpu_quota = nic::cpu_quota(),
                     .most_workers = abi::kMaxWorkers};
  for (const nic::Device& device : devices) {
    wish.port_nodes.push_back(device.pci ? nic::pci_node(device.name) : -1);
  }
  return nic::plan_cores(*cpus, wish);
}

Result<std::vector<nic::Device>> parse_devices(const Options& options, unsigned workers) {
  std::vector<nic::Device> devices;
  for (const PortArgument& port : options.ports) {
    auto device = nic::parse_device(port.device, workers, port.mtu);
    if (!device) {
      return fail("port '{}': {}", port.name, device.error().message);
    }
    devices.push_back(std::move(*device));
  }
  return devices;
}

// Buffers on each NUMA node that a port is on: what a NIC writes lies beside it.
class Pools {
 public:
  Pools(unsigned buffers, std::uint16_t mtu) : buffers_(buffers), mtu_(mtu) {}

  Result<rte_mempool*> on(int socket) {
    rte_mempool*& pool = pools_[socket];
    if (pool == nullptr) {
      auto made = nic::create_pool(fmt::format("packets{}", socket), buffers_, mtu_, socket);
      if (!made) {
        return made;
      }
      pool = *made;
    }
    return pool;
  }

 private:
  unsigned buffers_;
  std::uint16_t mtu_;
  std::map<int, rte_mempool*> pools_;
};

// A vdev is where the workers are.
int socket_of(const nic::Device& device) {
  const int node = device.pci ? nic::pci_node(device.name) : -1;
  return node >= 0 ? node : nic::worker_socket(0);
}

void warn_of(const std::string& name, const nic::Port& port, unsigned workers) {
  if (port.queues() < workers) {
    log::event(log::Level::warning, log::Subsystem::port, "few_queues",
               {{"port", name},
                {"queues", port.queues()},
                {"workers", workers},
                {"warning", "workers without a queue open what the others hand to them"}});
  }
  if (!port.spreads()) {
    log::event(
        log::Level::warning, log::Subsystem::port, "no_rss",
        {{"port", name}, {"warning", "the device does not spread flows: one worker receives all"}});
  }
}

void give_host_devices(const Options& options, Manager* manager) {
  const auto take = [](int fd) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return UniqueFd(fd);
  };
  for (std::uint16_t i = 0; i < options.ports.size(); ++i) {
    manager->host().set_twin(i, take(options.ports[i].twin_fd));
  }
  for (std::uint16_t i = 0; i < options.tunnels.size(); ++i) {
    manager->host().set_tun(i, take(options.tunnels[i].tun_fd));
  }
}

Result<std::unique_ptr<Manager>> set_up(const Options& options) {
  // How many workers there will be is needed to complete the devices, the devices to choose cores.
  auto devices = parse_devices(options, 1);
  if (!devices) {
    return tl::unexpected(devices.error());
  }
  const auto cores = choose_cores(options, *devices);
  if (!cores) {
    return tl::unexpected(cores.error());
  }
  if (!cores->warning.empty()) {
    log::event(log::Level::warning, log::Subsystem::dataplane, "cores",
               {{"warning", cores->warning}});
  }
  const auto workers = static_cast<unsigned>(cores->workers.size());
  devices = parse_devices(options, workers);
  if (!devices) {
    return tl::unexpected(devices.error());
  }
  nic::EalOptions eal{.prefix = options.instance_name,
                      .memory = options.hugepages ? nic::Memory::hugepages : nic::Memory::pages,
                      .manager_cpus = cores->manager,
                      .worker_cpus = cores->workers,
                      .pci = {}};
  std::uint16_t mtu = 1500;
  for (std::size_t i = 0; i < devices->size(); ++i) {
    mtu = std::max(mtu, options.ports[i].mtu);
    if ((*devices)[i].pci) {
      const nic::Device& device = (*devices)[i];
      eal.pci.push_back(device.arguments.empty() ? device.name
                                                 : device.name + "," + device.arguments);
    }
  }
  eal.megabytes = megabytes_needed(options, *devices, mtu);
  if (const Status started = nic::start_eal(eal); !started) {
    return tl::unexpected(started.error());
  }
  const int socket = nic::worker_socket(0);
  Pools pools(options.mbufs, mtu);
  const auto managers_pool = pools.on(socket);
  if (!managers_pool) {
    return tl::unexpected(managers_pool.error());
  }
  std::vector<ManagedPort> ports;
  for (std::size_t i = 0; i < devices->size(); ++i) {
    const auto pool = pools.on(socket_of((*devices)[i]));
    if (!pool) {
      return fail("port '{}': {}", options.ports[i].name, pool.error().message);
    }
    auto port = nic::Port::open(
        {.device = (*devices)[i],
         .workers = workers,
         .mtu = options.ports[i].mtu,
         .pool = *pool,
         .descriptors = nic::descriptors_for(options.mbufs, devices->size(), workers)});
    if (!port) {
      return fail("port '{}': {}", options.ports[i].name, port.error().message);
    }
    warn_of(options.ports[i].name, **port, workers);
    ports.push_back({.name = options.ports[i].name,
                     .underlay = options.ports[i].underlay,
                     .port = std::move(*port)});
  }
  auto manager = Manager::create({.worker_cpus = cores->workers,
                                  .sleep_when_idle = options.sleep_when_idle,
                                  .hugepages = options.hugepages,
                                  .backend = options.backend,
                                  .routes = options.routes,
                                  .spread = options.spread,
                                  .socket = socket},
                                 std::move(ports), *managers_pool);
  if (manager) {
    give_host_devices(options, manager->get());
  }
  return manager;
}

int run(const Options& options) {
  log::open("gotthard-dataplane", options.log_format);
  for (int i = 0; i < static_cast<int>(log::Subsystem::count); ++i) {
    log::set_level(static_cast<log::Subsystem>(i), options.log_level);
  }
  // The supervisor decides when this process ends: a Ctrl-C is for it alone.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  const auto give_up = [&](const Error& error) {
    log::event(log::Level::error, log::Subsystem::dataplane, "start_failed",
               {{"error", error.message}});
    reply(options.supervisor_fd, abi::HostReplyType::failed, error.message);
    return EXIT_FAILURE;
  };
  if (const Status ready = crypto::init(); !ready) {
    return give_up(ready.error());
  }
  auto manager = set_up(options);
  if (!manager) {
    return give_up(manager.error());
  }
  std::vector<std::string> drivers;
  for (const ManagedPort& port : (*manager)->ports()) {
    drivers.push_back(port.port->driver());
  }
  if (const Status dropped = nic::drop_privileges(nic::needs_of(drivers), options.identity);
      !dropped) {
    return give_up(dropped.error());
  }
  reply_ready(options.supervisor_fd, **manager);
  if (const Status status = (*manager)->run(options.supervisor_fd); !status) {
    return give_up(status.error());
  }
  manager->reset();
  nic::stop_eal();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace gotthard::dataplane

int main(int argc, char** argv) {
  const auto options = gotthard::dataplane::parse_options(argc, argv);
  if (!options) {
    std::fprintf(stderr, "gotthard-dataplane: %s\n", options.error().message.c_str());
    return 2;
  }
  return gotthard::dataplane::run(*options);
}
