// The host's side of the gateway: twins, tunnel devices, their addresses and routes, the muted
// devices beneath ports. What is changed on things that are not ours is noted in the state
// directory first.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"
#include "control/config/config.h"
#include "tools/supervisor/leftovers.h"
#include "tools/supervisor/netlink.h"
#include "tools/supervisor/port_guards.h"
#include "tools/supervisor/tunnel_routes.h"

namespace gotthard::supervisor {

class Host {
 public:
  struct Device {
    UniqueFd fd;
    int index = 0;
    bool up = false;
  };

  // `state_dir` outlives the host.
  static Result<Host> open(config::Config config, const std::string& state_dir);

  // Takes over what an earlier gateway with this state directory noted and did not undo. What this
  // one mutes and blackholes too stays so all the while, the rest is undone; what fails is logged.
  // An error: the note cannot be read or written.
  Status repair();
  // Blackholes, muted devices, twins (still down), the tunnels' ports, tunnels with their routes.
  // The caller calls restore() after an error too.
  Status set_up();
  // The data plane's ports run: gives the twins their addresses and brings them up. A MAC of zeros
  // is not known; the twin keeps its own then.
  Status bring_up_twins(std::span<const MacAddress> macs);
  // A tunnel device was set up or down: the kernel drops routes by a device that goes down and
  // does not bring them back.
  void refresh_tunnel(std::size_t interface);

  // Another configuration with the same ports and tunnels: their addresses, MTUs and what becomes a
  // route. Everything is tried; the error is the first.
  Status follow(config::Config next);
  // What an interface claims from now on: its routes and the blackholes.
  Status claim(std::size_t interface, std::set<config::Prefix> prefixes);
  [[nodiscard]] const Claims& claims() const { return claims_; }
  // What WireGuard's tunnels listen at from now on, beside IPsec's. Another program's port is told:
  // then nothing changes.
  Result<std::optional<std::uint16_t>> listen(std::set<std::uint16_t> ports);

  // Gives the machine's pages back, removes our routes and devices, wakes the muted devices.
  // Everything is tried; what fails is logged, and stays noted for the next start.
  void restore();

  // The gateway has forwarded. From here on only an order opens the host to the kernel's own
  // forwarding, and no failure does.
  void stay_closed() { stays_closed_ = true; }
  // For a gateway that fails: as restore(), but a host that is to stay closed stays so: muted
  // devices and blackholes outlive the gateway, until lift() or the next one.
  void give_up();

  // Undoes what a gateway with this state directory left when it failed or was killed. Nothing: it
  // left nothing. An error: it cannot be undone here.
  struct Lifted {
    std::vector<std::string> devices;
    std::size_t blackholes = 0;
  };
  static Result<std::optional<Lifted>> lift(const std::string& state_dir);

  Status note_hugepages(std::uint64_t added);
  // `link`: abi::link_of() of a port and VLAN.
  Status probe_neighbour(std::uint16_t link, const abi::Address& address);

  [[nodiscard]] const std::vector<Device>& twins() const { return twins_; }
  [[nodiscard]] const std::vector<Device>& tunnels() const { return tunnels_; }
  [[nodiscard]] std::uint64_t hugepages() const { return noted_.hugepages; }

 private:
  Host(Netlink netlink, config::Config config, const std::string& state_dir)
      : netlink_(std::move(netlink)),
        config_(std::move(config)),
        claims_(claims_of(config_)),
        state_dir_(&state_dir) {}

  Status note();
  Status add_first_blackholes() { return add_blackholes(blackhole_prefixes(claims_)); }
  Status add_blackholes(std::vector<config::Prefix> wanted);
  Result<std::vector<Blackhole>> choose_blackholes(const std::vector<config::Prefix>& prefixes);
  void take_over(Leftovers& leftovers);
  [[nodiscard]] MutedDevice* taken_over(const std::string& device);
  void release_hugepages(Leftovers& leftovers);
  Status mute();
  Status make_twins();
  Status make_tunnels();
  Result<Device> make_device(const std::string& name, bool tap, unsigned mtu);
  void undo(Leftovers& leftovers);
  void add_routes(std::span<const TunnelRoute> routes, log::Level level_of_conflicts);
  Status reroute(const std::vector<TunnelRoute>& had, const std::vector<TunnelRoute>& wanted);
  Status remove_blackholes(const std::vector<config::Prefix>& stale);
  Status guard_first_ports();
  [[nodiscard]] bool is_up(std::size_t interface);
  Status follow_addresses(const Device& device, const std::vector<config::InterfaceAddress>& from,
                          const std::vector<config::InterfaceAddress>& to);

  Netlink netlink_;
  config::Config config_;
  Claims claims_;
  PortGuards guards_;
  const std::string* state_dir_;
  Leftovers noted_;
  bool stays_closed_ = false;
  std::vector<Device> twins_;    // index: port number
  std::vector<Device> tunnels_;  // index: interface number
};

// A sentence's beginning, for an operator.
[[nodiscard]] std::string port_in_use(std::uint16_t port);

// Locally administered, the same for the same name on this machine.
[[nodiscard]] MacAddress stable_mac(const std::string& machine, const std::string& name);

}  // namespace gotthard::supervisor
