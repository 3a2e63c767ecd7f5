#include "perf/pipeline/gateway.h"

#include <fmt/format.h>
#include <rte_mempool.h>

#include <algorithm>

#include "base/clock.h"
#include "base/socket.h"
#include "crypto/random.h"
#include "nic/pool.h"

namespace gotthard::perf::pipeline {
namespace {

constexpr std::uint32_t kFirstId = 0x5a5a0000 | 256;
constexpr std::uint32_t kRemoteIds = 0xa5a50000;
// Between an inner packet and its frame: IPv6, UDP, ESP with IV, trailer and ICV, and some more.
constexpr std::uint32_t kOverhead = 128;

std::uint32_t number_of_instance() {
  static std::uint32_t number = 0;
  return number++;
}

Keys random_keys() {
  Keys keys;
  crypto::random_bytes(keys.key);
  crypto::random_bytes(std::as_writable_bytes(std::span(keys.salt)));
  return keys;
}

}  // namespace

Gateway::Gateway(const Scenario& scenario)
    : scenario_(scenario),
      inside_(Block::Side::inside, scenario.inner, 0, 1, scenario.prefixes()),
      link_({.event =
                 [this](const abi::EventBody& event) {
                   if (const auto* applied = std::get_if<abi::Applied>(&event)) {
                     applied_ = applied->serial;
                   }
                   refused_ += std::holds_alternative<abi::CommandRefused>(event) ? 1 : 0;
                   listener_(event);
                 },
             .punt = [](const abi::PacketRecord&) {}}) {
  const std::uint32_t sessions = scenario.sessions;
  const std::uint32_t prefixes = scenario.prefixes();
  for (std::uint32_t i = 0; i < sessions; ++i) {
    tunnels_.push_back({.local_id = kFirstId + i,
                        .remote_id = kRemoteIds + i,
                        .from_gateway = random_keys(),
                        .to_gateway = random_keys(),
                        .behind = Block(Block::Side::remote, scenario.inner, i, sessions,
                                        prefixes / sessions + (i < prefixes % sessions ? 1 : 0))});
  }
}

Gateway::~Gateway() {
  link_.detach();
  manager_.reset();
  wan_.reset();
  lan_.reset();
  rte_mempool_free(pool_);
}

Result<std::unique_ptr<Gateway>> Gateway::create(const Scenario& scenario,
                                                 const Environment& environment) {
  std::unique_ptr<Gateway> gateway(new Gateway(scenario));
  if (const Status started = gateway->start(environment); !started) {
    return tl::unexpected(started.error());
  }
  if (const Status attached = gateway->attach(); !attached) {
    return tl::unexpected(attached.error());
  }
  const Nanoseconds begin = boottime_now();
  gateway->send_network();
  for (std::uint32_t i = 0; i < scenario.sessions; ++i) {
    gateway->send_tunnel(i);
  }
  if (const Status done = gateway->commit(); !done) {
    return tl::unexpected(done.error());
  }
  gateway->seconds_to_configure_ =
      static_cast<double>(boottime_now() - begin) / static_cast<double>(kSecond);
  return gateway;
}

std::uint16_t Gateway::tunnel_mtu() const {
  return static_cast<std::uint16_t>(std::max<std::uint32_t>(1420, greatest_length(scenario_)));
}

Status Gateway::start(const Environment& environment) {
  const std::uint32_t instance = number_of_instance();
  const unsigned workers = scenario_.workers;
  const auto mtu = static_cast<std::uint16_t>(
      std::max<std::uint32_t>(1500, greatest_length(scenario_) + kOverhead));
  // All of a round's packets may be at one queue: where one worker seals for all.
  const std::uint32_t depth = 2 * workers * std::max<std::uint32_t>(scenario_.buffers(), 32);
  auto pool = nic::create_pool(fmt::format("perf{}", instance), depth + 1024, mtu, 0);
  if (!pool) {
    return tl::unexpected(pool.error());
  }
  pool_ = *pool;
  std::vector<dataplane::ManagedPort> ports;
  for (const auto& [soft, name] : {std::pair{&wan_, "wan"}, std::pair{&lan_, "lan"}}) {
    auto made = SoftPort::create(fmt::format("{}{}", name, instance), workers, depth, mtu, pool_);
    if (!made) {
      return tl::unexpected(made.error());
    }
    *soft = std::move(*made);
    ports.push_back({.name = name, .underlay = soft == &wan_, .port = (*soft)->take_port()});
  }
  auto manager = dataplane::Manager::create(
      {.worker_cpus = {environment.cpus.begin(), environment.cpus.begin() + workers},
       .sleep_when_idle = false,
       .hugepages = environment.hugepages,
       .routes = 2 * scenario_.prefixes() + 64,
       // Each opens what it receives: who has nothing to do takes no part in a measurement.
       .spread = dataplane::SpreadPolicy::never},
      std::move(ports), pool_);
  if (!manager) {
    return tl::unexpected(manager.error());
  }
  manager_ = std::move(*manager);
  return {};
}

Status Gateway::attach() {
  auto sockets = seqpacket_pair();
  if (!sockets) {
    return tl::unexpected(sockets.error());
  }
  if (const Status done = manager_->attach_control(std::move(sockets->second)); !done) {
    return done;
  }
  link_.expect(std::move(sockets->first));
  const auto attached = link_.on_socket();
  if (!attached || !*attached) {
    return attached ? Status(fail("the data plane lets nobody attach"))
                    : tl::unexpected(attached.error());
  }
  return {};
}

std::string Gateway::drops() const {
  std::string text;
  for (std::size_t reason = 1; reason < kDropCount; ++reason) {
    std::uint64_t count = 0;
    for (const auto& worker : manager_->workers()) {
      count += worker->counters().drops[reason].get();
    }
    if (count > 0) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, kDropNames[reason]);
    }
  }
  return text;
}

}  // namespace gotthard::perf::pipeline
