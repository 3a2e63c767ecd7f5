// What the operator's commands do: one handler for each of mgmt::kCommands. Names in results are
// stable; units are in them (bytes, seconds, packets).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "control/mgmt/protocol.h"
#include "dataplane/abi/drop.h"

namespace gotthard::control {

class Gateway;

[[nodiscard]] mgmt::Handlers operator_handlers(Gateway* gateway);

// By file: operator_peers.cc, operator_children.cc, operator_ike.cc, operator_diagnose.cc,
// operator_sessions.cc, operator_routes.cc, operator_dataplane.cc.
[[nodiscard]] mgmt::Answer show_peers(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_sessions(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_children(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_connections(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_certificates(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_interfaces(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_routes(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_neighbours(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_ports(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_workers(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_drops(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_runtime(const Gateway& gateway);

// Packets, of all workers and the manager.
[[nodiscard]] std::uint64_t dropped(const Gateway& gateway, Drop reason);

// What a name means: a WireGuard peer, or one of IKE's connections or children.
struct OperatorTarget {
  std::string name;                   // in full
  std::optional<std::uint32_t> peer;  // none: IKE's
};
[[nodiscard]] mgmt::Answer diagnose(const Gateway& gateway, const OperatorTarget& target);

}  // namespace gotthard::control
