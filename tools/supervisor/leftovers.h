// What the gateway changed on the host and must put back. It is written to the state directory
// before each change, so that the next `gotthard up` can repair what a supervisor that was killed
// left behind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/config/config.h"

namespace gotthard::supervisor {

using RawMessage = std::vector<std::uint8_t>;  // body of a netlink message, as the kernel dumped it

// A route of ours that drops: it loses against any other for its prefix.
struct Blackhole {
  config::Prefix prefix;
  std::uint32_t metric = 0;  // another gateway of this host has one of another metric
  auto operator<=>(const Blackhole&) const = default;
};

// The kernel's device beneath a port, as it was.
struct MutedDevice {
  std::string name;
  int index = 0;
  unsigned flags = 0;  // IFF_*
  unsigned mtu = 0;
  bool ipv6 = false;  // was on
  bool gro = false;
  bool lro = false;
  bool xdp = false;                   // had a program of its own
  std::string table;                  // our nftables table
  std::vector<RawMessage> addresses;  // RTM_NEWADDR
  std::vector<RawMessage> routes;     // RTM_NEWROUTE
  bool operator==(const MutedDevice&) const = default;
};

struct Leftovers {
  std::string boot_id;             // nothing below outlives a reboot
  std::uint64_t namespace_id = 0;  // of the network namespace that was changed
  std::vector<MutedDevice> muted;
  std::vector<Blackhole> blackholes;
  std::uint64_t hugepages = 0;  // that we added to the machine's pool
  [[nodiscard]] bool empty() const { return muted.empty() && blackholes.empty() && hugepages == 0; }
  bool operator==(const Leftovers&) const = default;
};

[[nodiscard]] std::string to_json(const Leftovers& leftovers);
Result<Leftovers> leftovers_from_json(std::string_view json);

// Atomic: a reader sees the old or the new file.
Status save(const Leftovers& leftovers, const std::string& state_dir);
// Nothing: there is no such file.
Result<std::optional<Leftovers>> load(const std::string& state_dir);
void forget(const std::string& state_dir);

Result<std::string> current_boot_id();
Result<std::uint64_t> current_namespace_id();

}  // namespace gotthard::supervisor
