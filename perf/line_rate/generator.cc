#include "perf/line_rate/generator.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/log.h"
#include "nic/cores.h"
#include "nic/eal.h"
#include "nic/pool.h"
#include "perf/hugepages.h"

namespace gotthard::perf::line_rate {
namespace {

// Rings of both directions hold half of them.
constexpr std::uint32_t kBuffersAQueue = 4096;
constexpr std::uint32_t kMegabytesBeside = 64;  // of DPDK's own

std::uint32_t megabytes_of(std::uint32_t buffers, std::uint16_t mtu) {
  constexpr std::uint32_t kMbuf = 192;  // header, alignment, the pool's own
  return static_cast<std::uint32_t>((std::uint64_t{buffers} * (nic::buffer_bytes(mtu) + kMbuf)) >>
                                    20) +
         kMegabytesBeside;
}

std::uint16_t greatest_mtu(const Settings& settings) {
  std::uint16_t mtu = 1500;
  for (const PortSettings& port : settings.ports) {
    mtu = std::max(mtu, port.mtu);
  }
  return mtu;
}

Result<bool> use_hugepages(config::Hugepages wanted, std::uint32_t megabytes) {
  if (wanted == config::Hugepages::never) {
    return false;
  }
  const bool enough = free_hugepages_mb() >= megabytes;
  if (!enough && wanted == config::Hugepages::required) {
    return fail(
        "hugepages = \"required\", but only {} of {} MB are free: echo {} > "
        "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
        free_hugepages_mb(), megabytes, megabytes / 2 + 1);
  }
  return enough;
}

}  // namespace

Result<std::unique_ptr<Generator>> Generator::create(const Settings& settings) {
  std::unique_ptr<Generator> generator(new Generator);
  if (const Status started = generator->start(settings); !started) {
    return tl::unexpected(started.error());
  }
  return generator;
}

Generator::~Generator() {
  ports_.clear();
  if (dpdk_started_) {
    nic::stop_eal();
  }
}

Status Generator::start_dpdk(const Settings& settings) {
  log::open("gotthard-perf", log::Format::logfmt);
  log::set_level(log::Subsystem::port, log::Level::warning);
  const auto cpus = nic::available_cpus();
  if (!cpus) {
    return tl::unexpected(cpus.error());
  }
  nic::CoreWish wish{.workers = settings.generator.workers, .cores = settings.generator.cores};
  if (!wish.workers && wish.cores.empty()) {
    wish.workers = 1;
  }
  nic::EalOptions eal{.prefix = fmt::format("gotthard-perf-{}", getpid()), .pci = {}};
  for (const PortSettings& port : settings.ports) {
    const auto device = nic::parse_device(port.device, 1, port.mtu);
    if (device && device->pci) {
      wish.port_nodes.push_back(nic::pci_node(device->name));
      eal.pci.push_back(device->arguments.empty() ? device->name
                                                  : device->name + "," + device->arguments);
    }
  }
  const auto cores = nic::plan_cores(*cpus, wish);
  if (!cores) {
    return tl::unexpected(cores.error());
  }
  workers_ = static_cast<unsigned>(cores->workers.size());
  const auto buffers =
      static_cast<std::uint32_t>(kBuffersAQueue * settings.ports.size() * workers_);
  eal.megabytes = megabytes_of(buffers, greatest_mtu(settings));
  const auto hugepages = use_hugepages(settings.generator.hugepages, eal.megabytes);
  if (!hugepages) {
    return tl::unexpected(hugepages.error());
  }
  hugepages_ = *hugepages;
  eal.memory = hugepages_ ? nic::Memory::hugepages : nic::Memory::pages;
  eal.manager_cpus = cores->manager;
  eal.worker_cpus = cores->workers;
  if (const Status started = nic::start_eal(eal); !started) {
    return started;
  }
  dpdk_started_ = true;
  const auto pool =
      nic::create_pool("frames", buffers, greatest_mtu(settings), nic::worker_socket(0));
  if (!pool) {
    return tl::unexpected(pool.error());
  }
  pool_ = *pool;
  return {};
}

Status Generator::start(const Settings& settings) {
  if (const Status started = start_dpdk(settings); !started) {
    return started;
  }
  std::vector<Flow> flows = flows_of(settings);
  const std::uint16_t descriptors =
      nic::descriptors_for(pool_->size, settings.ports.size(), workers_);
  auto ports = open_ports(settings, flows, workers_, descriptors, pool_);
  if (!ports) {
    return tl::unexpected(ports.error());
  }
  ports_ = std::move(*ports);
  if (const Status connected = connect(&ports_, pool_); !connected) {
    return connected;
  }
  std::vector<PortMacs> macs;
  for (const TestPort& port : ports_) {
    macs.push_back(port.macs);
  }
  directions_ = directions_of(flows);
  format_ =
      std::make_unique<FrameFormat>(std::random_device()(), std::move(flows), std::move(macs));
  trial_.sent_to = std::vector<std::atomic<std::uint64_t>>(ports_.size());
  deal_out();
  return {};
}

// A flow is sent by one worker, which keeps its order; what comes in at a port is looked at by one
// worker, which sees all of a flow. A worker has a queue of each port to send by.
void Generator::deal_out() {
  crews_.resize(workers_);
  const auto queue_of = [&](std::size_t port, unsigned worker) {
    return Queue{.ethdev = ports_[port].port->ethdev(),
                 .queue = static_cast<std::uint16_t>(worker),
                 .pool = pool_};
  };
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const auto worker = static_cast<unsigned>(i % ports_[i].port->queues());
    receivers_.push_back(std::make_unique<Receiver>(
        format_.get(), ports_[i].neighbour.get(), i,
        static_cast<std::uint16_t>(ports_[i].port->queues()), queue_of(i, worker)));
    crews_[worker].receivers.push_back(receivers_.back().get());
  }
  for (std::size_t i = 0; i < directions_.size(); ++i) {
    const Direction& direction = directions_[i];
    const auto senders = static_cast<unsigned>(
        std::min<std::size_t>(ports_[direction.from].port->queues(), direction.flows.size()));
    for (unsigned worker = 0; worker < senders; ++worker) {
      std::vector<std::uint16_t> flows;
      for (std::size_t k = worker; k < direction.flows.size(); k += senders) {
        flows.push_back(direction.flows[k]);
      }
      crews_[worker].senders.emplace_back(format_.get(), i, std::move(flows),
                                          queue_of(direction.from, worker));
    }
  }
}

// Frames of each flow: the same for all of a direction, but for what is left over.
std::vector<std::uint64_t> Generator::plan(const Load& load) const {
  std::vector<std::uint64_t> frames(format_->flows().size());
  const auto total = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::llround(load.rate * load.seconds)));
  for (const Direction& direction : directions_) {
    for (std::size_t i = 0; i < direction.flows.size(); ++i) {
      frames[direction.flows[i]] =
          total / direction.flows.size() + (i < total % direction.flows.size() ? 1 : 0);
    }
  }
  return frames;
}

Status Generator::begin(const Load& load, const std::vector<std::uint64_t>& frames) {
  const auto hz = static_cast<double>(rte_get_tsc_hz());
  const auto cycles = [&](double seconds) { return static_cast<std::uint64_t>(seconds * hz); };
  ++trial_.number;
  trial_.size = load.size;
  trial_.duration = cycles(load.seconds);
  trial_.grace = cycles(load.grace);
  trial_.wait = cycles(load.wait);
  trial_.last_sent = 0;
  for (auto& sent : trial_.sent_to) {
    sent = 0;
  }
  for (const auto& receiver : receivers_) {
    if (!receiver->begin(&trial_, frames)) {
      return fail("no memory to keep account of so many frames: lower seconds or max_rate");
    }
  }
  constexpr double kUntilAllRun = 0.001;
  trial_.start = rte_rdtsc() + cycles(kUntilAllRun);
  unsigned sending = 0;
  for (Crew& crew : crews_) {
    for (Sender& sender : crew.senders) {
      std::uint64_t own = 0;
      for (const std::uint16_t flow : sender.flows()) {
        own += frames[flow];
      }
      sender.begin(&trial_, own);
      ++sending;
    }
  }
  trial_.sending = sending;
  return {};
}

int Generator::work(void* argument) {
  auto* crew = static_cast<Crew*>(argument);
  bool busy = true;
  while (busy) {
    busy = false;
    const std::uint64_t now = rte_rdtsc();
    for (Sender& sender : crew->senders) {
      busy |= sender.turn(now);
    }
    for (Receiver* receiver : crew->receivers) {
      busy |= receiver->turn(now);
    }
  }
  return 0;
}

Result<TrialCounts> Generator::run(const Load& load) {
  const std::vector<std::uint64_t> frames = plan(load);
  if (const Status begun = begin(load, frames); !begun) {
    return tl::unexpected(begun.error());
  }
  for (unsigned worker = 0; worker < workers_; ++worker) {
    // Refused only of a worker that still runs, and all have been waited for.
    if (const Status launched = nic::launch_worker(worker, work, &crews_[worker]); !launched) {
      return tl::unexpected(launched.error());
    }
  }
  for (unsigned worker = 0; worker < workers_; ++worker) {
    nic::join_worker(worker);
  }
  return collect(frames);
}

TrialCounts Generator::collect(const std::vector<std::uint64_t>& frames) const {
  const auto hz = static_cast<double>(rte_get_tsc_hz());
  TrialCounts result;
  const std::uint64_t took = std::max(trial_.last_sent.load() - trial_.start, trial_.duration);
  result.seconds = static_cast<double>(took) / hz;
  for (const Direction& direction : directions_) {
    DirectionCounts counts;
    const Receiver& receiver = *receivers_[direction.to];
    for (const std::uint16_t flow : direction.flows) {
      const Arrivals& arrivals = receiver.arrivals(flow);
      counts.planned += frames[flow];
      counts.received += arrivals.received;
      counts.received_in_time += receiver.in_time(flow);
      counts.duplicates += arrivals.duplicates;
      counts.reordered += arrivals.reordered;
      if (arrivals.received > 0) {
        ++result.flows_reached;
      } else {
        result.unreached = flow;
      }
    }
    result.directions.push_back(counts);
  }
  for (const Crew& crew : crews_) {
    for (const Sender& sender : crew.senders) {
      DirectionCounts& direction = result.directions[sender.direction()];
      direction.sent += sender.sent();
      direction.refusals += sender.refusals();
      result.behind = std::max(result.behind, static_cast<double>(sender.behind()) / hz);
    }
  }
  for (std::size_t i = 0; i < receivers_.size(); ++i) {
    for (std::size_t found = 0; found < result.others.size(); ++found) {
      result.others[found] += receivers_[i]->others()[found];
    }
    if (result.strange.empty() && !receivers_[i]->strange().empty()) {
      result.strange =
          fmt::format("port '{}': {}", ports_[i].settings.name, receivers_[i]->strange());
    }
  }
  return result;
}

std::optional<double> Generator::link_rate(const FrameSize& size) const {
  std::optional<double> slowest;
  for (const Direction& direction : directions_) {
    if (const double speed = ports_[direction.from].speed(); speed > 0) {
      const double rate = speed * 1e6 / 8 / (size.mean() + static_cast<double>(kBetweenFrames));
      slowest = std::min(slowest.value_or(rate), rate);
    }
  }
  return slowest;
}

}  // namespace gotthard::perf::line_rate
