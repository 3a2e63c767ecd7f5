// Every operator command, declared once: the server checks requests against this list, the CLI
// makes its verbs from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace gotthard::mgmt {

enum class Takes : std::uint8_t {
  value,   // always there
  option,  // --NAME VALUE, or left out
  flag     // --NAME; its value is "yes"
};

struct Argument {
  std::string_view name;
  std::string_view help;
  Takes kind = Takes::value;
};

struct Command {
  std::string_view name;  // as in requests: "show peers"
  std::string_view help;
  bool changes = false;  // needs the right to write
  std::array<Argument, 2> arguments{};
  std::size_t argument_count = 0;

  [[nodiscard]] constexpr std::span<const Argument> takes() const {
    return std::span(arguments).first(argument_count);
  }
};

inline constexpr std::array kCommands = {
    Command{.name = "status", .help = "Whether the gateway is ready, and what is missing if not"},
    Command{.name = "show ports", .help = "Ports: role, driver, queues, link, packets"},
    Command{.name = "show workers",
            .help = "Workers: core, busy share, cycles per packet by stage"},
    Command{.name = "show peers", .help = "Peers: endpoint, handshake, session, traffic"},
    Command{.name = "show sessions", .help = "Sessions: ids, role, age, counters"},
    Command{.name = "show children", .help = "IPsec's children: selectors, SPIs, suite, traffic"},
    Command{.name = "show connections", .help = "IPsec's connections: IKE SAs, ids, suites, ages"},
    Command{.name = "show certificates", .help = "Certificates: subject, issuer, names, dates"},
    Command{.name = "show interfaces", .help = "Tunnel interfaces: keys, ports, peers, traffic"},
    Command{.name = "show routes", .help = "Routes that packets take: where they lead, MTU"},
    Command{.name = "show neighbours", .help = "Neighbours in use: address, port, MAC, state"},
    Command{.name = "show drops", .help = "Packets dropped, by reason and worker"},
    Command{.name = "show runtime", .help = "Versions, backends, memory, state of control"},
    Command{.name = "rekey",
            .help = "New keys with a peer, for a connection's IKE SA or for a child, without "
                    "losing a packet",
            .changes = true,
            .arguments = {{{"peer",
                            "INTERFACE/NAME, or NAME where only one interface has it; a child is "
                            "INTERFACE/CONNECTION/CHILD"},
                           {}}},
            .argument_count = 1},
    Command{.name = "initiate",
            .help = "Bring up a connection with its children, or one child",
            .changes = true,
            .arguments = {{{"name", "INTERFACE/CONNECTION or INTERFACE/CONNECTION/CHILD"}, {}}},
            .argument_count = 1},
    Command{.name = "terminate",
            .help = "End a connection, or one child; it stays down until it is initiated",
            .changes = true,
            .arguments = {{{"name", "INTERFACE/CONNECTION or INTERFACE/CONNECTION/CHILD"}, {}}},
            .argument_count = 1},
    Command{.name = "diagnose",
            .help = "Why a peer or connection is not up: what was tried, what came, what to do",
            .arguments = {{{"name", "A peer, a connection or a child"}, {}}},
            .argument_count = 1},
    Command{.name = "diff", .help = "What runs otherwise than the configuration file says"},
    Command{.name = "reload",
            .help = "Apply what changed in the configuration file; what did not loses nothing",
            .changes = true,
            .arguments = {{{"dry-run", "Only say what it would change", Takes::flag},
                           {"confirm",
                            "Go back to the last configuration after this long (90, 60s, 5m), "
                            "unless `gotthard confirm` comes first",
                            Takes::option}}},
            .argument_count = 2},
    Command{.name = "confirm", .help = "Keep what `reload --confirm` applied", .changes = true},
    Command{.name = "log",
            .help = "Change what a subsystem logs, at once",
            .changes = true,
            .arguments = {{{"subsystem",
                            "supervisor, config, dataplane, port, control, handshake, "
                            "route or management"},
                           {"level", "debug, info, warning, error or off"}}},
            .argument_count = 2}};

[[nodiscard]] constexpr const Command* find_command(std::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) {
      return &command;
    }
  }
  return nullptr;
}

}  // namespace gotthard::mgmt
