#include "perf/scale/report.h"

#include <fmt/format.h>

#include "perf/pipeline/description.h"

namespace gotthard::perf::scale {
namespace {

using nlohmann::ordered_json;

ordered_json json_of(const TunnelsRow& row) {
  return {{"tunnels", row.tunnels},
          {"packets_per_second", row.packets_per_second},
          {"relative_rate", row.relative_rate},
          {"cycles_per_packet", row.figures.net()},
          {"aead_cycles_per_packet", row.figures.aead},
          {"key_miss_cycles_per_packet", row.key_miss_cycles},
          {"overhead_cycles_per_packet", row.figures.overhead()},
          {"quiet_share", row.quiet_share}};
}

ordered_json json_of(const Scaling& scaling) {
  return {{"control", scaling.control},
          {"one_tunnel_to_one_worker", scaling.one_tunnel},
          {"two_tunnels_to_one_worker", scaling.two_tunnels},
          {"one_tunnel_to_two_tunnels", scaling.one_to_two},
          {"cycles", scaling.cycles}};
}

ordered_json json_of(const Workers& workers) {
  return {{"one_worker_cycles_per_packet", workers.one_worker_cycles},
          {"quiet", workers.quiet ? json_of(*workers.quiet) : ordered_json(nullptr)},
          {"all", json_of(workers.all)},
          {"quiet_share", workers.quiet_share}};
}

ordered_json json_of(const Routes& routes) {
  return {{"prefixes", routes.prefixes},
          {"lookup_cycles_per_packet", routes.lookup_cycles},
          {"cycles_per_packet", routes.many.net()},
          {"cycles_per_packet_one_route", routes.one.net()},
          {"overhead_cycles_per_packet", routes.many.overhead()},
          {"overhead_cycles_per_packet_one_route", routes.one.overhead()},
          {"control_build_seconds", routes.control_seconds},
          {"control_commands", routes.commands},
          {"data_plane_build_seconds", routes.data_plane_seconds},
          {"quiet_share", routes.quiet_share}};
}

ordered_json json_of(const Install& install) {
  return {{"sessions", install.sessions},
          {"refused", install.refused},
          {"sessions_per_second", install.sessions_per_second},
          {"control_us", install.control_microseconds},
          {"manager_us", install.manager_microseconds},
          {"quiet_share", install.quiet_share}};
}

ordered_json json_of(const HandshakeRate& rate, std::uint32_t peers) {
  return {{"peers", peers},
          {"handshakes", rate.handshakes},
          {"handshakes_per_second", rate.per_second},
          {"handshake_us", rate.microseconds},
          {"handshakes_per_second_with_disturbances", rate.per_second_with_disturbances},
          {"quiet_share", rate.quiet_share}};
}

void add_tunnels(std::string* text, const std::vector<TunnelsRow>& rows) {
  *text += fmt::format("\n{:<8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}\n", "tunnels", "Mpps",
                       "to one", "cycles", "AEAD", "key miss", "all else", "quiet");
  for (const TunnelsRow& row : rows) {
    *text += fmt::format("{:<8} {:>9.3f} {:>8.1f}% {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f} {:>6.0f}%\n",
                         row.tunnels, row.packets_per_second / 1e6, row.relative_rate * 100,
                         row.figures.net(), row.figures.aead, row.key_miss_cycles,
                         row.figures.overhead(), row.quiet_share * 100);
  }
}

void add_workers(std::string* text, const Workers& workers) {
  *text += fmt::format("\n{:<34} {:>9} {:>9}\n", "two workers", "quiet", "all");
  const auto row = [&](const char* name, double Scaling::*value) {
    *text += fmt::format("{:<34} {:>9} {:>9.3f}\n", name,
                         workers.quiet ? fmt::format("{:.3f}", (*workers.quiet).*value) : "-",
                         workers.all.*value);
  };
  row("registers only, to one CPU", &Scaling::control);
  row("one tunnel, to one worker", &Scaling::one_tunnel);
  row("two tunnels, to one worker", &Scaling::two_tunnels);
  row("one tunnel, to two tunnels", &Scaling::one_to_two);
  *text += fmt::format("the CPUs were two cores in {:.0f} % of {} cycles\n",
                       workers.quiet_share * 100, workers.all.cycles);
}

void add_routes(std::string* text, const Routes& routes) {
  *text += fmt::format(
      "\n{} prefixes behind the tunnel, as many inside\n"
      "look-up                {:>9.1f} cycles a packet more than with one\n"
      "whole path             {:>9.1f} cycles, with one {:.1f}; but the AEAD {:.1f} and {:.1f}\n"
      "built by control       {:>9.3f} s, {} commands\n"
      "taken by data plane    {:>9.3f} s\n",
      routes.prefixes, routes.lookup_cycles, routes.many.net(), routes.one.net(),
      routes.many.overhead(), routes.one.overhead(), routes.control_seconds, routes.commands,
      routes.data_plane_seconds);
}

void add_rate(std::string* text, const char* name, const HandshakeRate& rate) {
  *text +=
      fmt::format("{:<22} {:>9.0f} a second and core, {:.1f} us each ({:.0f} with disturbances)\n",
                  name, rate.per_second, rate.microseconds, rate.per_second_with_disturbances);
}

}  // namespace

std::string json(const Bench& bench, const Found& found) {
  ordered_json result = pipeline::describe_traffic(bench.scenario);
  result["memory"] = bench.environment.hugepages ? "hugepages" : "pages";
  if (!found.tunnels.empty()) {
    result["tunnels"] = ordered_json::array();
    for (const TunnelsRow& row : found.tunnels) {
      result["tunnels"].push_back(json_of(row));
    }
  }
  if (found.workers) {
    result["workers"] = json_of(*found.workers);
  }
  if (found.routes) {
    result["routes"] = json_of(*found.routes);
  }
  if (found.install) {
    result["install"] = json_of(*found.install);
  }
  if (found.handshakes && found.handshakes->responder) {
    result["handshakes"] = json_of(*found.handshakes->responder, found.handshakes->peers);
  }
  if (found.handshakes && found.handshakes->rekeys) {
    result["rekeys"] = json_of(*found.handshakes->rekeys, found.handshakes->peers);
  }
  result["tsc_hz"] = static_cast<std::uint64_t>(bench.tsc_hz);
  return result.dump() + "\n";
}

std::string table(const Bench& bench, const Found& found) {
  std::string text = pipeline::traffic_text(bench.scenario) + "\n";
  if (!found.tunnels.empty()) {
    add_tunnels(&text, found.tunnels);
  }
  if (found.workers) {
    add_workers(&text, *found.workers);
  }
  if (found.routes) {
    add_routes(&text, *found.routes);
  }
  text += "\n";
  if (found.install) {
    text +=
        fmt::format("{:<22} {:>9.0f} a second, {:.1f} us of control, {:.1f} us of the manager\n",
                    "sessions installed", found.install->sessions_per_second,
                    found.install->control_microseconds, found.install->manager_microseconds);
  }
  if (found.handshakes && found.handshakes->responder) {
    add_rate(&text, "handshakes answered", *found.handshakes->responder);
  }
  if (found.handshakes && found.handshakes->rekeys) {
    add_rate(&text, "rekeys begun", *found.handshakes->rekeys);
  }
  return text;
}

}  // namespace gotthard::perf::scale
