#include "control/operator.h"

#include "control/gateway.h"
#include "control/mgmt/peer_name.h"
#include "control/operator_reload.h"

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

tl::expected<mgmt::PeerName, Failure> find_peer(const Gateway& gateway, const std::string& wanted) {
  std::vector<mgmt::PeerName> names;
  for (const auto& [number, peer] : gateway.tunnels().peers()) {
    names.push_back({.interface = gateway.tunnels().tunnels()[peer.interface].settings.name,
                     .name = peer.settings.name,
                     .number = number});
  }
  return mgmt::find_peer(names, wanted);
}

// A connection or child of IKE, else a peer.
tl::expected<OperatorTarget, Failure> find_target(const Gateway& gateway,
                                                  const std::string& wanted) {
  const auto named = gateway.negotiations().full_name(wanted);
  if (!named) {
    return refuse("ambiguous_name", named.error().message);
  }
  const auto peer = find_peer(gateway, wanted);
  if (*named && peer) {
    return refuse("ambiguous_name",
                  fmt::format("'{}' may be {} or {}: write which", wanted, **named, peer->full()));
  }
  if (*named) {
    return OperatorTarget{.name = **named, .peer = std::nullopt};
  }
  if (!peer) {
    return tl::unexpected(peer.error());
  }
  return OperatorTarget{.name = peer->full(), .peer = peer->number};
}

// The target's name, and what `start` begins of IKE.
Answer begin(Gateway* gateway, const OperatorTarget& target,
             Status (Negotiations::*start)(const std::string&)) {
  if (!gateway->missing().empty()) {
    return refuse("not_ready", "the gateway is not ready: " + gateway->missing());
  }
  const Status started = target.peer ? gateway->tunnels().rekey(*target.peer)
                                     : (gateway->negotiations().*start)(target.name);
  if (!started) {
    return refuse("not_ready", started.error().message);
  }
  return json{{target.peer ? "peer" : "name", target.name}, {"started", true}};
}

Answer rekey(Gateway* gateway, const Arguments& arguments) {
  const auto target = find_target(*gateway, arguments.at("peer"));
  return target ? begin(gateway, *target, &Negotiations::rekey)
                : Answer(tl::unexpected(target.error()));
}

// Of IKE only.
Answer on_connection(Gateway* gateway, const Arguments& arguments,
                     Status (Negotiations::*start)(const std::string&)) {
  const auto target = find_target(*gateway, arguments.at("name"));
  if (!target) {
    return tl::unexpected(target.error());
  }
  if (target->peer) {
    return refuse("bad_argument",
                  fmt::format("{} is a peer of WireGuard, which begins by itself when there is "
                              "traffic: `gotthard rekey {}` makes a handshake",
                              target->name, target->name));
  }
  return begin(gateway, *target, start);
}

Answer diagnose_name(const Gateway& gateway, const Arguments& arguments) {
  if (gateway.directory() == nullptr) {
    return refuse("not_ready", "the gateway is not ready: " + gateway.missing());
  }
  const auto target = find_target(gateway, arguments.at("name"));
  return target ? diagnose(gateway, *target) : Answer(tl::unexpected(target.error()));
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
  return mgmt::at_once([gateway, show](const Arguments&) -> Answer {
    if (gateway->directory() == nullptr || !gateway->tunnels().numbered()) {
      return refuse("not_ready", "the gateway is not ready: " + gateway->missing());
    }
    return show(*gateway);
  });
}

}  // namespace

mgmt::Handlers operator_handlers(Gateway* gateway) {
  return {{"status", mgmt::at_once([gateway](const Arguments&) { return status(*gateway); })},
          {"show ports", needs_dataplane(gateway, show_ports)},
          {"show workers", needs_dataplane(gateway, show_workers)},
          {"show peers", needs_dataplane(gateway, show_peers)},
          {"show sessions", needs_dataplane(gateway, show_sessions)},
          {"show children", needs_dataplane(gateway, show_children)},
          {"show connections", needs_dataplane(gateway, show_connections)},
          {"show certificates", needs_dataplane(gateway, show_certificates)},
          {"show interfaces", needs_dataplane(gateway, show_interfaces)},
          {"show routes", needs_dataplane(gateway, show_routes)},
          {"show neighbours", needs_dataplane(gateway, show_neighbours)},
          {"show drops", needs_dataplane(gateway, show_drops)},
          {"show runtime", needs_dataplane(gateway, show_runtime)},
          {"diff", diff_handler(gateway)},
          {"reload", reload_handler(gateway)},
          {"confirm", confirm_handler(gateway)},
          {"rekey", mgmt::at_once([gateway](const Arguments& a) { return rekey(gateway, a); })},
          {"initiate", mgmt::at_once([gateway](const Arguments& a) {
             return on_connection(gateway, a, &Negotiations::initiate);
           })},
          {"terminate", mgmt::at_once([gateway](const Arguments& a) {
             return on_connection(gateway, a, &Negotiations::terminate);
           })},
          {"diagnose",
           mgmt::at_once([gateway](const Arguments& a) { return diagnose_name(*gateway, a); })},
          {"log", mgmt::at_once([gateway](const Arguments& a) { return set_log(gateway, a); })}};
}

}  // namespace gotthard::control
