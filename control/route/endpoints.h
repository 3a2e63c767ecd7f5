// Where peers' outer packets go: each endpoint resolved in the underlay, and again when routes or
// addresses that matter to it change.
//
// When rules move the packets of a tunnel with a mark to a next hop that is not known on its link
// yet, they go as before until it is, or a second has gone by.
//
// A route may lead an endpoint into another tunnel, never into its own. Tunnels whose endpoints
// lead into each other go around all tunnels.
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
#include "control/route/underlay.h"

namespace gotthard::route {

class Endpoints {
 public:
  Endpoints(const Devices* devices, FibTable* table, Underlay* underlay, Neighbours* neighbours);

  struct Question {
    std::uint16_t interface = 0;  // the tunnel's
    Address remote;
    // Our address that the peer has sent to last, family none: routing decides. It is the source
    // while it is ours.
    Address known_as;
    bool operator==(const Question&) const = default;
  };
  void set(std::uint32_t peer, const Question& question, Nanoseconds now);
  [[nodiscard]] std::optional<ResolvedEndpoint> at(std::uint32_t peer) const;
  [[nodiscard]] std::vector<std::uint32_t> take_changed();

  // A new attachment: neighbours have no numbers yet. Until the first one nothing is resolved.
  void restart();
  void resolve_all(Nanoseconds now);
  void resolve_in(const Prefix& prefix, Nanoseconds now);
  // Those whose next hop has become known, or never will.
  void resolve_waiting(Nanoseconds now);
  // Those that lead into tunnels, when endpoints have changed.
  void resolve_nested(Nanoseconds now);

  // Keeps the neighbour for a minute after the last time.
  std::optional<ResolvedEndpoint> resolve_once(const Question& question, Nanoseconds now);
  void expire(Nanoseconds now);

  // The interface's mark is another: by which address of ours its peers know us is asked anew.
  void forget_known(std::uint16_t interface);
  // What the rules say of a peer's endpoint; nullopt: of no peer's.
  [[nodiscard]] std::optional<Underlay::Found> outer_way(std::uint32_t peer);

 private:
  struct State {
    Question question;
    std::optional<ResolvedEndpoint> resolved;  // counts as a use of its neighbour
    std::optional<ResolvedEndpoint> next;      // the same; what it will be when that is known
    Nanoseconds waits_until = 0;
  };
  struct Location {
    std::uint16_t port = 0;
    Address next_hop;
    Address local;
    std::uint16_t mtu = 0;
    std::uint32_t through = abi::kNoPeer;
  };

  [[nodiscard]] const Way& one_of(const std::vector<Way>& ways, const Address& remote) const;
  [[nodiscard]] Underlay::Found find(const Question& question, bool nested);
  [[nodiscard]] bool may_be_known_as(const Question& question, const Device& device) const;
  // The first way by the routes; `nested`: it may be one into another tunnel.
  [[nodiscard]] std::optional<Location> first_way(const Question& question, bool nested);
  [[nodiscard]] bool leads_back(const Location& location, std::uint16_t interface);
  [[nodiscard]] bool too_deep(const Location& location);
  [[nodiscard]] std::optional<Location> around_loops(const Question& question);
  [[nodiscard]] std::optional<Location> locate(const Question& question);
  [[nodiscard]] std::optional<ResolvedEndpoint> resolve(const Question& question, Nanoseconds now);
  void release(const std::optional<ResolvedEndpoint>& resolved);
  void update(std::uint32_t peer, Nanoseconds now);
  [[nodiscard]] bool goes_on(const State& state, const ResolvedEndpoint& next) const;
  void move(std::uint32_t peer, State* state, const std::optional<ResolvedEndpoint>& next,
            Nanoseconds now);

  const Devices* devices_;
  FibTable* table_;
  Underlay* underlay_;
  Neighbours* neighbours_;
  std::map<std::uint32_t, State> peers_;
  std::map<Address, std::set<std::uint32_t>> by_remote_;
  std::set<std::uint32_t> changed_;
  std::set<std::uint32_t> nested_;  // routes lead them into tunnels
  std::set<std::uint32_t> waiting_;
  bool moved_ = false;  // some endpoint, since those were resolved
  bool started_ = false;
  std::map<std::uint32_t, Nanoseconds> passing_;  // neighbours of resolve_once(), to their end
};

}  // namespace gotthard::route
