#include "control/operator.h"

#include <fmt/ranges.h>

#include "control/gateway.h"

namespace gotthard::control {
namespace {

using mgmt::Answer;
using mgmt::Arguments;
using mgmt::Failure;
using mgmt::json;

tl::unexpected<Failure> refuse(std::string code, std::string error) {
  return tl::unexpected(Failure{std::move(code), std::move(error)});
}

Answer status(const Gateway& gateway) {
  const std::string missing = gateway.missing();
  return json{{"ready", missing.empty()}, {"missing", missing}};
}

// "wg0/region-b", or "region-b" where only one interface has such a peer.
tl::expected<std::uint32_t, Failure> find_peer(const Gateway& gateway, const std::string& name) {
  std::vector<std::uint32_t> found;
  std::vector<std::string> names;
  std::vector<std::string> all;
  for (const auto& [number, peer] : gateway.tunnels().peers()) {
    const std::string& interface = gateway.tunnels().tunnels()[peer.interface].settings.name;
    const std::string full = interface + "/" + peer.settings.name;
    all.push_back(full);
    if (name == full || name == peer.settings.name) {
      found.push_back(number);
      names.push_back(full);
    }
  }
  if (found.empty()) {
    return refuse("unknown_peer",
                  fmt::format("there is no peer '{}': peers are {}", name, fmt::join(all, ", ")));
  }
  if (found.size() > 1) {
    return refuse("ambiguous_peer", fmt::format("'{}' may be any of {}: write one of these", name,
                                                fmt::join(names, ", ")));
  }
  return found.front();
}

Answer rekey(Gateway* gateway, const Arguments& arguments) {
  const auto peer = find_peer(*gateway, arguments.at("peer"));
  if (!peer) {
    return tl::unexpected(peer.error());
  }
  if (!gateway->missing().empty()) {
    return refuse("not_ready", "the gateway is not ready: " + gateway->missing());
  }
  gateway->tunnels().rekey(*peer);
  return json{{"peer", arguments.at("peer")}, {"started", true}};
}

Answer set_log(Gateway* gateway, const Arguments& arguments) {
  const auto subsystem = log::parse_subsystem(arguments.at("subsystem"));
  const auto level = log::parse_level(arguments.at("level"));
  if (!subsystem || !level) {
    return refuse("bad_argument", subsystem ? level.error().message : subsystem.error().message);
  }
  gateway->set_log_level(*subsystem, *level);
  return json{{"subsystem", log::name(*subsystem)}, {"level", log::name(*level)}};
}

// Most of what is shown lives in the directory.
mgmt::Handler needs_dataplane(const Gateway* gateway, Answer (*show)(const Gateway&)) {
  return [gateway, show](const Arguments&) -> Answer {
    if (gateway->directory() == nullptr || !gateway->tunnels().numbered()) {
      return refuse("not_ready", "the gateway is not ready: " + gateway->missing());
    }
    return show(*gateway);
  };
}

}  // namespace

mgmt::Handlers operator_handlers(Gateway* gateway) {
  return {{"status", [gateway](const Arguments&) { return status(*gateway); }},
          {"show ports", needs_dataplane(gateway, show_ports)},
          {"show workers", needs_dataplane(gateway, show_workers)},
          {"show peers", needs_dataplane(gateway, show_peers)},
          {"show drops", needs_dataplane(gateway, show_drops)},
          {"show runtime", needs_dataplane(gateway, show_runtime)},
          {"rekey", [gateway](const Arguments& a) { return rekey(gateway, a); }},
          {"log", [gateway](const Arguments& a) { return set_log(gateway, a); }}};
}

}  // namespace gotthard::control
