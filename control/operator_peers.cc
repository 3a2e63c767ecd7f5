#include <arpa/inet.h>

#include "control/gateway.h"
#include "control/operator.h"
#include "control/operator_values.h"

namespace gotthard::control {
namespace {

using mgmt::json;

std::uint64_t get(const abi::Counter& counter) { return counter.load(std::memory_order_relaxed); }
std::uint32_t get(const std::atomic<std::uint32_t>& value) {
  return value.load(std::memory_order_relaxed);
}

json show_session(const abi::Directory& directory, std::uint32_t id, Nanoseconds now) {
  const abi::SessionEntry& entry = directory.session[id & abi::kSlotMask];
  if (id == 0 || get(entry.local_id) != id) {
    return nullptr;
  }
  return {{"local_id", fmt::format("{:#010x}", id)},
          {"remote_id", fmt::format("{:#010x}", get(entry.remote_id))},
          {"role", get(entry.initiator) == 1 ? "initiator" : "responder"},
          {"age_seconds", seconds_since(get(entry.installed_ns), now)},
          {"next_counter", get(entry.sent)},
          {"greatest_received", get(entry.received)}};
}

// One word for what an operator wants to know first.
std::string state_of(const TunnelPeer& peer, const noise::PeerStatus& status, bool interface_up,
                     bool has_session) {
  if (!interface_up) {
    return "interface_down";
  }
  if (has_session) {
    return "up";
  }
  if (status.in_flight) {
    return "handshaking";
  }
  if (!peer.endpoint) {
    return "no_endpoint";
  }
  return status.last_failure ? "failed" : "idle";
}

// Where outer packets go, and what of the kernel's says so: a table, and a policy rule if the
// tunnel's mark has some. Null: there is no endpoint.
json show_way(const Gateway& gateway, std::uint32_t number) {
  const auto by = gateway.fib().outer_way(number);
  if (!by) {
    return nullptr;
  }
  const auto to = gateway.fib().endpoint(number);
  json way{{"port", nullptr}, {"source", nullptr}, {"table", by->table}, {"rule", nullptr}};
  if (to) {
    way["source"] = config::to_string(to->local);
  }
  if (to && to->through == abi::kNoPeer) {
    way["port"] = gateway.fib().port_name(to->port);
  }
  if (by->rule) {
    way["rule"] = fmt::format("{}: {}", by->rule->priority, by->rule->text);
  }
  way["refusal"] = by->refusal.empty() ? json() : json(by->refusal);
  return way;
}

json show_peer(const Gateway& gateway, const TunnelPeer& peer, Nanoseconds now) {
  const abi::Directory& directory = *gateway.directory();
  const abi::PeerEntry& entry = directory.peer[peer.number];
  const auto status = gateway.tunnels().status(peer).value_or(noise::PeerStatus{});
  json result{{"interface", gateway.tunnels().tunnels()[peer.interface].settings.name},
              {"name", peer.settings.name},
              {"public_key", config::key_to_string(peer.settings.public_key)},
              {"preshared_key", !peer.preshared_key.is_zero()},
              {"persistent_keepalive_seconds", peer.settings.persistent_keepalive}};
  result["endpoint"] = nullptr;
  if (peer.endpoint) {
    result["endpoint"] = place(peer.endpoint->address, ntohs(peer.endpoint->port));
  }
  result["way"] = show_way(gateway, peer.number);
  result["allowed_ips"] = json::array();
  for (const config::Prefix& prefix : gateway.tunnels().allowed_ips(peer.number)) {
    result["allowed_ips"].push_back(config::to_string(prefix));
  }
  result["session"] = show_session(directory, get(entry.current_session), now);
  result["state"] = state_of(peer, status, gateway.tunnels().tunnels()[peer.interface].up,
                             !result["session"].is_null());
  result["latest_handshake_seconds_ago"] = seconds_since(status.last_handshake, now);
  result["last_failure"] = status.last_failure ? json(noise::name(*status.last_failure)) : json();
  result["rx_packets"] = get(entry.rx_packets);
  result["rx_bytes"] = get(entry.rx_bytes);
  result["tx_packets"] = get(entry.tx_packets);
  result["tx_bytes"] = get(entry.tx_bytes);
  result["rx_keepalives"] = get(entry.rx_keepalives);
  result["tx_keepalives"] = get(entry.tx_keepalives);
  result["drops"] = get(entry.drops);
  result["last_received_seconds_ago"] = seconds_since(get(entry.last_rx_ns), now);
  for (std::size_t i = 0; i < noise::kOutcomeCount; ++i) {
    if (status.counters[i] != 0) {
      result["handshakes"][std::string(noise::name(static_cast<noise::Outcome>(i)))] =
          status.counters[i];
    }
  }
  return result;
}

}  // namespace

mgmt::Answer show_peers(const Gateway& gateway) {
  const Nanoseconds now = boottime_now();
  json peers = json::array();
  for (const auto& [number, peer] : gateway.tunnels().peers()) {
    peers.push_back(show_peer(gateway, peer, now));
  }
  // Messages that could not be told apart by peer: unknown keys, wrong macs, load.
  json interfaces = json::array();
  for (const Tunnel& tunnel : gateway.tunnels().tunnels()) {
    json counters = json::object();
    for (std::size_t i = 0; i < noise::kOutcomeCount; ++i) {
      if (tunnel.device.counters()[i] != 0) {
        counters[std::string(noise::name(static_cast<noise::Outcome>(i)))] =
            tunnel.device.counters()[i];
      }
    }
    interfaces.push_back({{"name", tunnel.settings.name},
                          {"public_key", config::key_to_string(tunnel.device.public_key())},
                          {"listen_port", tunnel.settings.listen_port},
                          {"mtu", tunnel.mtu != 0 ? tunnel.mtu : tunnel.settings.mtu},
                          {"up", tunnel.up},
                          {"handshakes", counters}});
  }
  return json{{"interfaces", interfaces}, {"peers", peers}};
}

}  // namespace gotthard::control
