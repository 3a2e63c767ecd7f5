#include "tools/cli/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "control/mgmt/shortened.h"
#include "tools/cli/printable.h"
#include "tools/cli/table.h"
#include "tools/cli/tables_ike.h"

namespace gotthard::cli {
namespace {

using nlohmann::json;

std::string render_status(const json& result) {
  return result.at("ready").get<bool>()
             ? "ready\n"
             : "not ready: " + result.at("missing").get<std::string>() + "\n";
}

std::string render_differences(const json& result, const char* before, const char* after) {
  std::vector<Row> rows{{"WHERE", "WHAT", before, after, ""}};
  for (const json& one : result.at("differences")) {
    rows.push_back({one.at("where"), text_or_dash(one.at("key")), text_or_dash(one.at("before")),
                    text_or_dash(one.at("after")),
                    one.at("live").get<bool>() ? "" : "needs a start anew"});
  }
  std::string shown = rows.size() == 1 ? "nothing differs\n" : table(rows);
  if (result.contains("confirm_seconds")) {
    shown += fmt::format("goes back in {} s unless confirmed: gotthard confirm\n",
                         result.at("confirm_seconds").get<unsigned>());
  }
  return shown;
}

std::string spreads_text(const json& port) {
  if (!port.at("spreads_flows").get<bool>()) {
    return "no";
  }
  return port.at("spreads_spis").get<bool>() ? "flows, SPIs" : "flows";
}

std::string render_ports(const json& result) {
  std::vector<Row> rows{{"PORT", "ROLE", "DRIVER", "LINK", "MTU", "QUEUES", "SPREADS", "RX", "TX",
                         "MISSED", "ERRORS"}};
  for (const json& port : result.at("ports")) {
    rows.push_back({text(port.at("name")), text(port.at("role")), text(port.at("driver")),
                    port.at("link_up").get<bool>() ? "up" : "down", text(port.at("mtu")),
                    text(port.at("queues")), spreads_text(port),
                    fmt::format("{} ({})", text(port.at("rx_packets")),
                                bytes_text(port.at("rx_bytes").get<double>())),
                    fmt::format("{} ({})", text(port.at("tx_packets")),
                                bytes_text(port.at("tx_bytes").get<double>())),
                    text(port.at("rx_missed")),
                    fmt::to_string(port.at("rx_errors").get<std::uint64_t>() +
                                   port.at("tx_errors").get<std::uint64_t>())});
    for (const json& vlan : port.at("vlans")) {
      rows.push_back({text(vlan.at("name")), text(port.at("role")), "VLAN " + text(vlan.at("id")),
                      vlan.at("up").get<bool>() ? "up" : "down", text(vlan.at("mtu"))});
    }
  }
  std::string shown = table(rows);
  if (const auto left = result.at("vlans_left_out").get<std::uint64_t>(); left != 0) {
    shown += fmt::format("{} VLANs more than the data plane takes: nothing goes in or out there\n",
                         left);
  }
  return shown;
}

std::string render_workers(const json& result) {
  std::vector<Row> rows{
      {"WORKER", "CORE", "BUSY", "RX", "TX", "SLEEPS", "SPREAD LATE", "OVERFLOWS"}};
  std::vector<Row> stages{{"WORKER", "STAGE", "PACKETS", "PER BURST", "CYCLES/PACKET"}};
  for (const json& worker : result.at("workers")) {
    rows.push_back({text(worker.at("worker")), text(worker.at("core")),
                    fmt::format("{:.1f} %", worker.at("busy_share").get<double>() * 100),
                    text(worker.at("rx_packets")), text(worker.at("tx_packets")),
                    text(worker.at("sleeps")), text(worker.at("spread_late")),
                    text(worker.at("spread_overflows"))});
    for (const json& stage : worker.at("stages")) {
      if (stage.at("packets") != 0) {
        stages.push_back({text(worker.at("worker")), text(stage.at("stage")),
                          text(stage.at("packets")),
                          fmt::format("{:.1f}", stage.at("packets_per_burst").get<double>()),
                          fmt::format("{:.0f}", stage.at("cycles_per_packet").get<double>())});
      }
    }
  }
  return table(rows) + "\n" + table(stages);
}

// With the table that the kernel's policy rules say, if they do.
std::string endpoint_text(const json& peer) {
  std::string shown = text(peer.at("endpoint"));
  const json& way = peer.at("way");
  if (way.is_null()) {
    return shown;
  }
  if (!way.at("refusal").is_null()) {
    return shown + " (no way)";
  }
  return way.at("rule").is_null() ? shown : shown + " (table " + text(way.at("table")) + ")";
}

std::string render_peers(const json& result) {
  std::vector<Row> rows{
      {"PEER", "STATE", "ENDPOINT", "HANDSHAKE", "RECEIVED", "SENT", "DROPS", "ALLOWED IPS"}};
  for (const json& peer : result.at("peers")) {
    std::string allowed;
    for (const json& prefix : peer.at("allowed_ips")) {
      allowed += (allowed.empty() ? "" : " ") + prefix.get<std::string>();
    }
    rows.push_back(
        {text(peer.at("interface")) + "/" + text(peer.at("name")), text(peer.at("state")),
         endpoint_text(peer), age(peer.at("latest_handshake_seconds_ago")),
         bytes_text(peer.at("rx_bytes").get<double>()),
         bytes_text(peer.at("tx_bytes").get<double>()), text(peer.at("drops")), allowed});
  }
  return table(rows);
}

std::string render_sessions(const json& result) {
  std::vector<Row> rows{{"PEER", "PLACE", "ROLE", "AGE", "LOCAL ID", "REMOTE ID", "NEXT COUNTER",
                         "GREATEST RECEIVED"}};
  for (const json& session : result.at("sessions")) {
    rows.push_back({session.at("peer").is_null()
                        ? "-"
                        : text(session.at("interface")) + "/" + text(session.at("peer")),
                    text(session.at("place")), text(session.at("role")),
                    age_text(session.at("age_seconds").get<double>()), text(session.at("local_id")),
                    text(session.at("remote_id")), text(session.at("next_counter")),
                    text(session.at("greatest_received"))});
  }
  return rows.size() == 1 ? "there is no session\n" : table(rows);
}

std::string render_children(const json& result) {
  std::vector<Row> rows{{"CHILD", "MODE", "OUTSIDE", "REMOTE", "LOCAL TS", "REMOTE TS", "SUITE",
                         "IN SPI", "OUT SPI", "RECEIVED", "SENT", "LAST"}};
  const auto list = [](const json& values) {
    std::string words;
    for (const json& value : values) {
      words += (words.empty() ? "" : " ") + text(value);
    }
    return mgmt::shortened(words);
  };
  for (const json& child : result.at("children")) {
    rows.push_back({text(child.at("interface")) + "/" + text(child.at("connection")) + "/" +
                        text(child.at("name")),
                    text(child.at("mode")),
                    child.at("encapsulation") == "udp" ? "esp in udp" : "esp",
                    text(child.at("remote")), list(child.at("local_ts")),
                    list(child.at("remote_ts")), text(child.at("suite")), text(child.at("in_spi")),
                    text(child.at("out_spi")), bytes_text(child.at("rx_bytes").get<double>()),
                    bytes_text(child.at("tx_bytes").get<double>()),
                    age(child.at("last_received_seconds_ago"))});
  }
  return rows.size() == 1 ? "there is no child\n" : table(rows);
}

std::string render_interfaces(const json& result) {
  std::vector<Row> rows{{"INTERFACE", "STATE", "PORT", "MTU", "PEERS", "ALLOWED IPS", "RECEIVED",
                         "SENT", "CONFIGURATION", "PUBLIC KEY"}};
  for (const json& interface : result.at("interfaces")) {
    rows.push_back({text(interface.at("name")), interface.at("up").get<bool>() ? "up" : "down",
                    text(interface.at("listen_port")), text(interface.at("mtu")),
                    text(interface.at("peers")), text(interface.at("allowed_ips")),
                    bytes_text(interface.at("rx_bytes").get<double>()),
                    bytes_text(interface.at("tx_bytes").get<double>()),
                    interface.at("changed_live").get<bool>() ? "changed" : "as in the file",
                    text(interface.at("public_key"))});
  }
  return table(rows);
}

// A row, and one below it for each of several ways.
void add_route(const json& route, const std::string& destination, std::vector<Row>* rows) {
  const json& to = route.at(route.at("peer").is_null() ? "via" : "peer");
  std::string kind = text(route.at("kind"));
  if (route.contains("alive") && !route.at("alive").get<bool>()) {
    kind += " (down)";
  }
  rows->push_back({destination, std::move(kind), text(route.at("device")), text(to),
                   text(route.at("mtu")), route.at("allow_plain").get<bool>() ? "allowed" : "-"});
  if (!route.contains("ways")) {
    return;
  }
  for (const json& way : route.at("ways")) {
    const std::string what = way.contains("weight") ? "weight " + text(way.at("weight"))
                             : way.contains("tos")
                                 ? fmt::format("tos {:#x}", way.at("tos").get<unsigned>())
                             : way.contains("from") ? "from " + text(way.at("from"))
                                                    : "otherwise";
    add_route(way, "  " + what, rows);
  }
}

std::string render_routes(const json& result) {
  std::vector<Row> rows{{"DESTINATION", "KIND", "DEVICE", "VIA OR PEER", "MTU", "PLAIN"}};
  for (const json& route : result.at("routes")) {
    add_route(route, text(route.at("destination")), &rows);
  }
  std::string shown = table(rows);
  for (const json& route : result.at("routes_not_followed")) {
    shown += fmt::format("route not followed, {}: {}\n", text(route.at("reason")),
                         text(route.at("route")));
  }
  for (const json& rule : result.at("rules_not_followed")) {
    shown += fmt::format("policy rule not followed ({}), {}: {}: {}\n", text(rule.at("family")),
                         text(rule.at("reason")), rule.at("priority").get<std::uint32_t>(),
                         text(rule.at("rule")));
  }
  return shown;
}

std::string render_neighbours(const json& result) {
  std::vector<Row> rows{{"ADDRESS", "PORT", "MAC", "STATE"}};
  for (const json& neighbour : result.at("neighbours")) {
    rows.push_back({text(neighbour.at("address")), text(neighbour.at("port")),
                    neighbour.at("mac").is_null() ? "-" : text(neighbour.at("mac")),
                    text(neighbour.at("state"))});
  }
  return rows.size() == 1 ? "no neighbour is in use\n" : table(rows);
}

std::string render_drops(const json& result) {
  std::vector<Row> rows{{"REASON", "PACKETS", "BY WORKER", "BY MANAGER"}};
  for (const json& drop : result.at("drops")) {
    if (drop.at("packets") != 0) {
      rows.push_back({text(drop.at("reason")), text(drop.at("packets")), text(drop.at("by_worker")),
                      text(drop.at("by_manager"))});
    }
  }
  return rows.size() == 1 ? "nothing was dropped\n" : table(rows);
}

std::string render_sections(const json& result) {
  std::string lines;
  for (const auto& [name, value] : result.items()) {
    if (!value.is_object()) {
      lines += fmt::format("{}: {}\n", name, text(value));
      continue;
    }
    lines += name + "\n";
    for (const auto& [key, inner] : value.items()) {
      lines += fmt::format("  {:<24} {}\n", key, text(inner));
    }
  }
  return lines;
}

}  // namespace

std::string bytes_text(double bytes) {
  static constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.2f} {}", bytes, kUnits[unit]);
}

std::string age_text(double seconds) {
  constexpr double kLongest = 1e12;
  const auto whole = static_cast<std::uint64_t>(std::clamp(seconds, 0.0, kLongest));
  if (whole < 60) {
    return fmt::format("{}s", whole);
  }
  if (whole < 3600) {
    return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  }
  return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
}

namespace {

std::string render_known(std::string_view command, const json& result) {
  if (command == "status") {
    return render_status(result);
  }
  if (command == "show ports") {
    return render_ports(result);
  }
  if (command == "show workers") {
    return render_workers(result);
  }
  if (command == "show peers") {
    return render_peers(result);
  }
  if (command == "show sessions") {
    return render_sessions(result);
  }
  if (command == "show children") {
    return render_children(result);
  }
  if (command == "show connections") {
    return render_connections(result);
  }
  if (command == "show certificates") {
    return render_certificates(result);
  }
  if (command == "diagnose") {
    return render_diagnosis(result);
  }
  if (command == "show routes") {
    return render_routes(result);
  }
  if (command == "show neighbours") {
    return render_neighbours(result);
  }
  if (command == "show interfaces") {
    return render_interfaces(result);
  }
  if (command == "show drops") {
    return render_drops(result);
  }
  if (command == "reload" || command == "diff") {
    return render_differences(result, command == "diff" ? "RUNNING" : "BEFORE",
                              command == "diff" ? "FILE" : "AFTER");
  }
  return render_sections(result);
}

}  // namespace

std::string render(std::string_view command, const json& result) {
  // A gateway of another version may answer otherwise: what it said is shown as it is.
  try {
    return printable(render_known(command, result));
  } catch (const json::exception&) {
    return printable(result.dump(2)) + "\n";
  }
}

}  // namespace gotthard::cli
