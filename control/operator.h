// What the operator's commands do: one handler for each of mgmt::kCommands. Names in results are
// stable; units are in them (bytes, seconds, packets).
#pragma once

#include "control/mgmt/protocol.h"

namespace gotthard::control {

class Gateway;

[[nodiscard]] mgmt::Handlers operator_handlers(Gateway* gateway);

// By file: operator_peers.cc, operator_children.cc, operator_sessions.cc, operator_routes.cc,
// operator_dataplane.cc.
[[nodiscard]] mgmt::Answer show_peers(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_sessions(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_children(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_interfaces(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_routes(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_neighbours(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_ports(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_workers(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_drops(const Gateway& gateway);
[[nodiscard]] mgmt::Answer show_runtime(const Gateway& gateway);

}  // namespace gotthard::control
