#include "control/gateway.h"
#include "control/operator.h"
#include "control/operator_values.h"
#include "control/wireguard/directory_reader.h"

namespace gotthard::control {
namespace {

using mgmt::json;

// What a session is to its peer.
std::string_view place_of(const abi::PeerEntry& peer, std::uint32_t id, abi::SessionState state) {
  if (state == abi::SessionState::retiring) {
    return "retiring";
  }
  return get(peer.current_session) == id    ? "current"
         : get(peer.next_session) == id     ? "next"
         : get(peer.previous_session) == id ? "previous"
                                            : "replaced";
}

json show_session(const Gateway& gateway, const SeenSession& seen, Nanoseconds now) {
  const abi::Directory& directory = *gateway.directory();
  const abi::SessionEntry& entry = directory.session[seen.local_id & abi::kSlotMask];
  const auto peer = gateway.tunnels().peers().find(seen.peer);
  const Children& children = gateway.children();
  json result{{"interface", nullptr}, {"peer", nullptr}, {"kind", "wireguard"}};
  if (peer != gateway.tunnels().peers().end()) {
    result["interface"] = gateway.tunnels().tunnels()[peer->second.interface].settings.name;
    result["peer"] = peer->second.settings.name;
  } else if (const auto child = children.all().find(seen.peer); child != children.all().end()) {
    result["interface"] = children.ipsec_of(child->second).name;
    result["peer"] =
        children.connection_of(child->second).name + "/" + children.settings_of(child->second).name;
    result["kind"] = "esp";
  }
  result["local_id"] = fmt::format("{:#010x}", seen.local_id);
  result["remote_id"] = fmt::format("{:#010x}", seen.remote_id);
  result["place"] = seen.peer < abi::kMaxPeers
                        ? place_of(directory.peer[seen.peer], seen.local_id, seen.state)
                        : "retiring";
  result["role"] = seen.role == noise::Role::initiator ? "initiator" : "responder";
  result["age_seconds"] = seconds_since(seen.installed, now);
  result["next_counter"] = get(entry.sent);
  result["greatest_received"] = get(entry.received);
  return result;
}

json show_ipsec(const Gateway& gateway, std::size_t which) {
  const config::Ipsec& settings = gateway.config().ipsec[which];
  const Children& children = gateway.children();
  std::uint64_t count = 0, rx_bytes = 0, tx_bytes = 0;
  for (const auto& [number, child] : children.all()) {
    if (child.ipsec == which) {
      const abi::PeerEntry& entry = gateway.directory()->peer[number];
      ++count;
      rx_bytes += get(entry.rx_bytes);
      tx_bytes += get(entry.tx_bytes);
    }
  }
  json addresses = json::array();
  for (const config::InterfaceAddress& address : settings.addresses) {
    addresses.push_back(config::to_string(address));
  }
  return {{"name", settings.name},
          {"kind", "ipsec"},
          {"public_key", nullptr},
          {"listen_port", settings.udp_port},
          {"source_ports", 1},
          {"fwmark", 0},
          {"mtu", children.mtu(which) != 0 ? children.mtu(which) : settings.mtu},
          {"up", children.up(which)},
          {"addresses", addresses},
          {"peers", count},
          {"allowed_ips", config::remote_prefixes(settings).size()},
          {"rx_bytes", rx_bytes},
          {"tx_bytes", tx_bytes},
          {"changed_live", false}};
}

}  // namespace

mgmt::Answer show_sessions(const Gateway& gateway) {
  const Nanoseconds now = boottime_now();
  json sessions = json::array();
  for (std::size_t slot = 0; slot < abi::kMaxSessions; ++slot) {
    if (const auto seen = read_session(gateway.directory()->session[slot], slot)) {
      sessions.push_back(show_session(gateway, *seen, now));
    }
  }
  return json{{"sessions", sessions}};
}

mgmt::Answer show_interfaces(const Gateway& gateway) {
  json interfaces = json::array();
  for (const Tunnel& tunnel : gateway.tunnels().tunnels()) {
    std::uint64_t peers = 0, prefixes = 0, rx_bytes = 0, tx_bytes = 0;
    for (const auto& [number, peer] : gateway.tunnels().peers()) {
      if (peer.interface == tunnel.number) {
        const abi::PeerEntry& entry = gateway.directory()->peer[number];
        ++peers;
        prefixes += gateway.tunnels().allowed_ips(number).size();
        rx_bytes += get(entry.rx_bytes);
        tx_bytes += get(entry.tx_bytes);
      }
    }
    json addresses = json::array();
    for (const config::InterfaceAddress& address : tunnel.settings.addresses) {
      addresses.push_back(config::to_string(address));
    }
    interfaces.push_back({{"name", tunnel.settings.name},
                          {"kind", "wireguard"},
                          {"public_key", tunnel.has_private_key ? json(config::key_to_string(
                                                                      tunnel.device.public_key()))
                                                                : json()},
                          {"listen_port", tunnel.settings.listen_port},
                          {"source_ports", tunnel.settings.source_ports},
                          {"fwmark", tunnel.settings.fwmark},
                          {"mtu", tunnel.mtu != 0 ? tunnel.mtu : tunnel.settings.mtu},
                          {"up", tunnel.up},
                          {"addresses", addresses},
                          {"peers", peers},
                          {"allowed_ips", prefixes},
                          {"rx_bytes", rx_bytes},
                          {"tx_bytes", tx_bytes},
                          {"changed_live", gateway.changed_live(tunnel.number)}});
  }
  for (std::size_t i = 0; i < gateway.config().ipsec.size(); ++i) {
    interfaces.push_back(show_ipsec(gateway, i));
  }
  return json{{"interfaces", interfaces}};
}

}  // namespace gotthard::control
