#include <arpa/inet.h>

#include "control/gateway.h"
#include "control/ipsec/ike_settings.h"
#include "control/operator.h"
#include "control/operator_values.h"
#include "control/wireguard/directory_reader.h"

namespace gotthard::control {
namespace {

using mgmt::json;

// What was negotiated, else what is configured.
json texts(const ike::TrafficSelectors& negotiated,
           const std::vector<config::TrafficSelector>& configured) {
  json result = json::array();
  for (const ike::TrafficSelector& selector : negotiated.selectors) {
    result.push_back(to_string(selector));
  }
  for (std::size_t i = 0; negotiated.selectors.empty() && i < configured.size(); ++i) {
    result.push_back(config::to_string(configured[i]));
  }
  return result;
}

json show_child(const Children& children, const IpsecChild& child, const abi::Directory& directory,
                Nanoseconds now) {
  const abi::PeerEntry& entry = directory.peer[child.number];
  const config::Child& settings = children.settings_of(child);
  const std::uint32_t current = get(entry.current_session);
  json result{
      {"interface", children.ipsec_of(child).name},
      {"connection", children.connection_of(child).name},
      {"name", settings.name},
      {"pair", child.pair + 1},
      {"mode", settings.transport ? "transport" : "tunnel"},
      {"encapsulation", child.in_udp ? "udp" : "none"},
      {"remote",
       child.remote.family == abi::Family::none ? json() : json(config::to_string(child.remote))},
      {"remote_port", child.in_udp ? json(ntohs(child.remote_port)) : json()},
      {"local_ts", texts(child.local_ts, settings.local_ts)},
      {"remote_ts", texts(child.remote_ts, settings.remote_ts)},
      {"established", current != 0},
      {"in_spi", nullptr},
      {"out_spi", nullptr},
      {"suite", nullptr},
      {"lab", children.connection_of(child).lab},
      {"rx_packets", get(entry.rx_packets)},
      {"rx_bytes", get(entry.rx_bytes)},
      {"tx_packets", get(entry.tx_packets)},
      {"tx_bytes", get(entry.tx_bytes)},
      {"drops", get(entry.drops)},
      {"last_received_seconds_ago", seconds_since(get(entry.last_rx_ns), now)}};
  if (child.keys || child.suite) {
    result["suite"] = config::to_string(child.keys ? child.keys->suite : *child.suite);
  }
  if (current != 0) {
    const abi::SessionEntry& session = directory.session[current & abi::kSlotMask];
    result["in_spi"] = fmt::format("{:#010x}", current);
    result["out_spi"] = fmt::format("{:#010x}", get(session.remote_id));
  }
  return result;
}

}  // namespace

mgmt::Answer show_children(const Gateway& gateway) {
  const Nanoseconds now = boottime_now();
  json children = json::array();
  for (auto child = gateway.children().all().rbegin(); child != gateway.children().all().rend();
       ++child) {
    children.push_back(show_child(gateway.children(), child->second, *gateway.directory(), now));
  }
  return json{{"children", children}};
}

}  // namespace gotthard::control
