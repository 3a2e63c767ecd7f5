#include "tools/cli/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

namespace gotthard::cli {
namespace {

using nlohmann::json;

using Row = std::vector<std::string>;

// The first row is the heading.
std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string result;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += fmt::format("{:<{}}", row[i], widths[i] + 2);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + "\n";
  }
  return result;
}

std::string text(const json& value) {
  if (value.is_null()) {
    return "-";
  }
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string yes_no(const json& value) { return value.get<bool>() ? "yes" : "no"; }

std::string age(const json& value) {
  return value.is_null() ? "never" : age_text(value.get<double>()) + " ago";
}

std::string render_status(const json& result) {
  return result["ready"].get<bool>() ? "ready\n"
                                     : "not ready: " + result["missing"].get<std::string>() + "\n";
}

std::string render_ports(const json& result) {
  std::vector<Row> rows{{"PORT", "ROLE", "DRIVER", "LINK", "MTU", "QUEUES", "SPREADS", "RX", "TX",
                         "MISSED", "ERRORS"}};
  for (const json& port : result["ports"]) {
    rows.push_back({text(port["name"]), text(port["role"]), text(port["driver"]),
                    port["link_up"].get<bool>() ? "up" : "down", text(port["mtu"]),
                    text(port["queues"]), yes_no(port["spreads_flows"]),
                    fmt::format("{} ({})", text(port["rx_packets"]),
                                bytes_text(port["rx_bytes"].get<double>())),
                    fmt::format("{} ({})", text(port["tx_packets"]),
                                bytes_text(port["tx_bytes"].get<double>())),
                    text(port["rx_missed"]),
                    fmt::to_string(port["rx_errors"].get<std::uint64_t>() +
                                   port["tx_errors"].get<std::uint64_t>())});
  }
  return table(rows);
}

std::string render_workers(const json& result) {
  std::vector<Row> rows{{"WORKER", "CORE", "BUSY", "RX", "TX", "SLEEPS"}};
  std::vector<Row> stages{{"WORKER", "STAGE", "PACKETS", "PER BURST", "CYCLES/PACKET"}};
  for (const json& worker : result["workers"]) {
    rows.push_back({text(worker["worker"]), text(worker["core"]),
                    fmt::format("{:.1f} %", worker["busy_share"].get<double>() * 100),
                    text(worker["rx_packets"]), text(worker["tx_packets"]),
                    text(worker["sleeps"])});
    for (const json& stage : worker["stages"]) {
      if (stage["packets"] != 0) {
        stages.push_back({text(worker["worker"]), text(stage["stage"]), text(stage["packets"]),
                          fmt::format("{:.1f}", stage["packets_per_burst"].get<double>()),
                          fmt::format("{:.0f}", stage["cycles_per_packet"].get<double>())});
      }
    }
  }
  return table(rows) + "\n" + table(stages);
}

std::string render_peers(const json& result) {
  std::vector<Row> rows{
      {"PEER", "STATE", "ENDPOINT", "HANDSHAKE", "RECEIVED", "SENT", "DROPS", "ALLOWED IPS"}};
  for (const json& peer : result["peers"]) {
    std::string allowed;
    for (const json& prefix : peer["allowed_ips"]) {
      allowed += (allowed.empty() ? "" : " ") + prefix.get<std::string>();
    }
    rows.push_back({text(peer["interface"]) + "/" + text(peer["name"]), text(peer["state"]),
                    text(peer["endpoint"]), age(peer["latest_handshake_seconds_ago"]),
                    bytes_text(peer["rx_bytes"].get<double>()),
                    bytes_text(peer["tx_bytes"].get<double>()), text(peer["drops"]), allowed});
  }
  return table(rows);
}

std::string render_drops(const json& result) {
  std::vector<Row> rows{{"REASON", "PACKETS", "BY WORKER", "BY MANAGER"}};
  for (const json& drop : result["drops"]) {
    if (drop["packets"] != 0) {
      rows.push_back({text(drop["reason"]), text(drop["packets"]), text(drop["by_worker"]),
                      text(drop["by_manager"])});
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
  const auto whole = static_cast<std::uint64_t>(seconds);
  if (whole < 60) {
    return fmt::format("{}s", whole);
  }
  if (whole < 3600) {
    return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  }
  return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
}

std::string render(std::string_view command, const json& result) {
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
  if (command == "show drops") {
    return render_drops(result);
  }
  return render_sections(result);
}

}  // namespace gotthard::cli
