#include "control/gateway.h"
#include "control/operator.h"
#include "control/operator_values.h"

#ifndef GOTTHARD_VERSION
#error "the build defines GOTTHARD_VERSION"
#endif

namespace gotthard::control {
namespace {

using mgmt::json;

std::uint64_t get(const abi::Counter& counter) { return counter.load(std::memory_order_relaxed); }
std::uint32_t get(const std::atomic<std::uint32_t>& value) {
  return value.load(std::memory_order_relaxed);
}

// Text that another process wrote: its end may be missing.
template <std::size_t N>
std::string text(const std::array<char, N>& from) {
  return {from.data(), strnlen(from.data(), N)};
}

std::string mac_text(const abi::PortEntry& entry) {
  std::string result;
  for (const auto& byte : entry.mac) {
    result += fmt::format("{}{:02x}", result.empty() ? "" : ":", byte.load());
  }
  return result;
}

double per(std::uint64_t amount, std::uint64_t count) {
  return count == 0 ? 0.0 : static_cast<double>(amount) / static_cast<double>(count);
}

// What the directory says of numbers is another process's word.
std::size_t workers(const abi::Directory& directory) {
  return std::min<std::size_t>(directory.header.workers, abi::kMaxWorkers);
}

}  // namespace

namespace {

json vlans_of(const Gateway& gateway, std::size_t port) {
  json vlans = json::array();
  for (const abi::VlanSet& vlan : gateway.fib().vlans()) {
    if (abi::port_of(vlan.link) == port) {
      vlans.push_back({{"name", gateway.fib().port_name(vlan.link)},
                       {"id", abi::vlan_of(vlan.link)},
                       {"mtu", vlan.mtu},
                       {"up", vlan.up != 0}});
    }
  }
  return vlans;
}

}  // namespace

mgmt::Answer show_ports(const Gateway& gateway) {
  json ports = json::array();
  for (std::size_t i = 0; i < gateway.config().ports.size(); ++i) {
    const config::Port& port = gateway.config().ports[i];
    const abi::PortEntry& entry = gateway.directory()->port[i];
    ports.push_back({{"name", port.name},
                     {"role", port.role == config::Role::inside ? "inside" : "underlay"},
                     {"device", port.device},
                     {"driver", text(entry.driver)},
                     {"mac", mac_text(entry)},
                     {"mtu", get(entry.mtu)},
                     {"vlans", vlans_of(gateway, i)},
                     {"link_up", get(entry.link_up) == 1},
                     {"queues", get(entry.queues)},
                     {"spreads_flows", (get(entry.rss) & abi::kSpreadsFlows) != 0},
                     {"spreads_spis", (get(entry.rss) & abi::kSpreadsSpis) != 0},
                     {"numa_node", get(entry.socket)},
                     {"rx_packets", get(entry.rx_packets)},
                     {"rx_bytes", get(entry.rx_bytes)},
                     {"tx_packets", get(entry.tx_packets)},
                     {"tx_bytes", get(entry.tx_bytes)},
                     {"rx_missed", get(entry.rx_missed)},
                     {"rx_errors", get(entry.rx_errors)},
                     {"tx_errors", get(entry.tx_errors)},
                     {"rx_no_mbuf", get(entry.rx_no_mbuf)},
                     {"to_host_packets", get(entry.host_tx_packets)},
                     {"from_host_packets", get(entry.host_rx_packets)}});
  }
  return json{{"ports", ports}, {"vlans_left_out", gateway.fib().counters().vlans_left_out}};
}

mgmt::Answer show_workers(const Gateway& gateway) {
  const abi::Directory& directory = *gateway.directory();
  json result = json::array();
  for (std::size_t i = 0; i < workers(directory); ++i) {
    const abi::WorkerEntry& entry = directory.worker[i];
    json stages = json::array();
    for (std::size_t s = 0; s < kStageCount; ++s) {
      const abi::StageEntry& stage = entry.stages[s];
      stages.push_back({{"stage", kStageNames[s]},
                        {"packets", get(stage.packets)},
                        {"packets_per_burst", per(get(stage.packets), get(stage.bursts))},
                        {"cycles_per_packet", per(get(stage.cycles), get(stage.packets))}});
    }
    result.push_back({{"worker", i},
                      {"core", get(entry.core)},
                      {"rx_packets", get(entry.rx_packets)},
                      {"tx_packets", get(entry.tx_packets)},
                      {"busy_share", per(get(entry.busy_cycles), get(entry.total_cycles))},
                      {"loops", get(entry.loops)},
                      {"idle_loops", get(entry.idle_loops)},
                      {"sleeps", get(entry.sleeps)},
                      {"spread_late", get(entry.spread_late)},
                      {"spread_overflows", get(entry.spread_overflows)},
                      {"stages", stages}});
  }
  return json{{"workers", result}, {"tsc_hz", directory.header.tsc_hz}};
}

std::uint64_t dropped(const Gateway& gateway, Drop reason) {
  const abi::Directory& directory = *gateway.directory();
  const auto d = static_cast<std::size_t>(reason);
  std::uint64_t total = get(directory.header.manager_drops[d]);
  for (std::size_t i = 0; i < workers(directory); ++i) {
    total += get(directory.worker[i].drops[d]);
  }
  return total;
}

mgmt::Answer show_drops(const Gateway& gateway) {
  const abi::Directory& directory = *gateway.directory();
  json reasons = json::array();
  for (std::size_t d = 1; d < kDropCount; ++d) {
    std::uint64_t total = get(directory.header.manager_drops[d]);
    json by_worker = json::array();
    for (std::size_t i = 0; i < workers(directory); ++i) {
      const std::uint64_t count = get(directory.worker[i].drops[d]);
      by_worker.push_back(count);
      total += count;
    }
    reasons.push_back({{"reason", kDropNames[d]},
                       {"packets", total},
                       {"by_worker", by_worker},
                       {"by_manager", get(directory.header.manager_drops[d])}});
  }
  return json{{"drops", reasons}};
}

mgmt::Answer show_runtime(const Gateway& gateway) {
  const abi::DirectoryHeader& header = gateway.directory()->header;
  const route::FibCounters fib = gateway.fib().counters();
  const Nanoseconds now = boottime_now();
  return json{{"version", GOTTHARD_VERSION},
              {"dataplane",
               {{"instance", fmt::format("{:016x}", header.instance)},
                {"uptime_seconds", seconds_since(header.started_ns, now)},
                {"heartbeat_seconds_ago", seconds_since(get(header.heartbeat_ns), now)},
                {"workers", workers(*gateway.directory())},
                {"dpdk", text(header.dpdk_version)},
                {"aead", text(header.aead_backend)},
                {"memory", text(header.memory)},
                {"idle", text(header.idle)},
                {"tsc_hz", header.tsc_hz},
                {"commands_refused", get(header.commands_refused)},
                {"events_lost", get(header.events_lost)},
                {"punts_lost", get(header.punts_lost)}}},
              {"control",
               {{"uptime_seconds", seconds_since(gateway.started(), now)},
                {"epoch", header.epoch},
                {"checkpoint_peers", gateway.checkpoint().size()},
                {"checkpoint_damaged", gateway.checkpoint().damaged()},
                {"log_lines_lost", log::lines_lost()}}},
              {"tables",
               {{"routes", fib.prefixes},
                {"sources", fib.sources},
                {"next_hops", fib.next_hops},
                {"owners", fib.owners},
                {"neighbours", fib.neighbours},
                {"exhausted", fib.exhausted}}}};
}

}  // namespace gotthard::control
