// Where peers' outer packets go: each endpoint resolved in the underlay, and again when routes or
// addresses that matter to it change.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "control/route/devices.h"
#include "control/route/fib_builder.h"
#include "control/route/fib_table.h"
#include "control/route/neighbours.h"

namespace gotthard::route {

class Endpoints {
 public:
  Endpoints(const Devices* devices, FibTable* table, Neighbours* neighbours);

  // `known_as`: our address that the peer has sent to last, family none: routing decides. It is the
  // source while it is ours.
  void set(std::uint32_t peer, const Address& remote, const Address& known_as, Nanoseconds now);
  [[nodiscard]] std::optional<ResolvedEndpoint> at(std::uint32_t peer) const;
  [[nodiscard]] std::vector<std::uint32_t> take_changed();

  // A new attachment: neighbours have no numbers yet. Until the first one nothing is resolved.
  void restart();
  void resolve_all(Nanoseconds now);
  void resolve_in(const Prefix& prefix, Nanoseconds now);

  // Keeps the neighbour for a minute after the last time.
  std::optional<ResolvedEndpoint> resolve_once(const Address& remote, Nanoseconds now);
  void expire(Nanoseconds now);

 private:
  struct State {
    Address remote;
    Address known_as;
    std::optional<ResolvedEndpoint> resolved;  // counts as a use of its neighbour
  };
  struct Location {
    std::uint16_t port = 0;
    Address next_hop;
    Address local;
    std::uint16_t mtu = 0;
  };

  [[nodiscard]] const Way& one_of(const std::vector<Way>& ways, const Address& remote) const;
  [[nodiscard]] std::optional<Location> locate(const Address& remote, const Address& known_as);
  [[nodiscard]] std::optional<ResolvedEndpoint> resolve(const Address& remote,
                                                        const Address& known_as, Nanoseconds now);
  void update(std::uint32_t peer, Nanoseconds now);

  const Devices* devices_;
  FibTable* table_;
  Neighbours* neighbours_;
  std::map<std::uint32_t, State> peers_;
  std::map<Address, std::set<std::uint32_t>> by_remote_;
  std::set<std::uint32_t> changed_;
  bool started_ = false;
  std::map<std::uint32_t, Nanoseconds> passing_;  // neighbours of resolve_once(), to their end
};

}  // namespace gotthard::route
