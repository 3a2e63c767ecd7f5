// Routes of the main table, allowed IPs, plain prefixes, on-link neighbours and local addresses in
// one trie per family, and what each prefix flattens to.
//
// The rule: an address goes where the longest route that covers it points; if that is a tunnel
// interface, to the peer with the longest allowed IP of that interface that covers it. `routes`
// gets an entry for each route, and for each allowed IP whose longest covering route points into
// its own interface: then one lookup gives the same answer as the two. A route of several ways is
// so for each way. A change re-evaluates only what it covers and what no longer prefix takes from
// it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "control/config/config.h"
#include "control/config/route_protocol.h"
#include "control/route/address.h"
#include "control/route/changes.h"
#include "control/route/command_sink.h"
#include "control/route/devices.h"
#include "control/route/kernel_target.h"
#include "control/route/next_hops.h"
#include "control/route/prefix_trie.h"
#include "control/route/target.h"

namespace gotthard::route {

// A [[route]] of the configuration, preferred to any kernel route of its prefix.
struct StaticRoute {
  Prefix destination;
  std::optional<Address> via;
  std::string interface;
};

class FibTable {
 public:
  FibTable(CommandSink* sink, const Devices* devices, NextHops* hops, Owners* owners);

  void set_static_routes(const std::vector<config::Route>& routes);
  void set_plain(std::uint16_t port, const Prefix& prefix, bool plain);
  void add_route(const KernelRoute& route);
  void replace_route(const KernelRoute& before, const KernelRoute& after);
  void remove_route(const KernelRoute& route);
  // kNoPeer: nobody's.
  void set_allowed_ip(std::uint16_t interface, const Prefix& prefix, std::uint32_t peer);
  // `address` is a usable neighbour at the port.
  void set_neighbour(std::uint16_t port, const Address& address, bool usable);
  void forget_neighbours();
  void set_local(const Address& address, std::optional<std::uint16_t> owner);
  // Which link is which, or an MTU, has changed: everything is evaluated anew.
  void devices_changed() { everything_ = true; }

  // Emits the differences. `changed` gets the prefixes whose routes or allowed IPs are others now,
  // nothing left out: endpoints in them resolve anew. True: all of them do.
  bool flush(Nanoseconds now, std::vector<Prefix>* changed);
  // A new attachment: nothing has been emitted yet.
  void restart();

  // As the kernel would route outer packets if there were only those ways.
  [[nodiscard]] Answer underlay(const Address& address, const Admits& admits);
  // Whom an interface sends what is for the address; kNoPeer.
  [[nodiscard]] std::uint32_t peer_for(std::uint16_t interface, const Address& address);
  // What `routes` says of the address, as of the last flush.
  [[nodiscard]] Target lookup(const Address& address);

  // What `routes` holds, in the order of addresses.
  void for_each_route(const std::function<void(const Prefix&, const Hop&)>& each);

  [[nodiscard]] std::size_t prefixes() const { return prefixes_; }
  [[nodiscard]] std::size_t sources() const { return sources_; }

 private:
  struct Candidate {
    int fixed = -1;           // index of a static route, or
    std::uint32_t order = 0;  // earlier ones first
    KernelRoute kernel;
  };
  struct AllowedIp {
    std::uint16_t interface = 0;
    std::uint32_t peer = 0;
  };
  static constexpr std::uint16_t kNoOwner = 0xffff;
  struct Cell {
    std::vector<Candidate> routes;
    std::vector<AllowedIp> allowed;        // by interface
    std::uint16_t plain = 0;               // ports, bits
    std::vector<std::uint16_t> neighbour;  // ports at which this address is a usable neighbour
    std::uint16_t local = kNoOwner;
    Target target;                      // of the best route for all packets
    std::vector<Exception> exceptions;  // of routes for some
    std::uint32_t hop = 0;              // as emitted; 0 nothing
    std::uint32_t owner = 0;            // as emitted; 0 nothing

    [[nodiscard]] bool has_route() const {
      return target.kind != Target::Kind::none || !exceptions.empty();
    }
  };
  // What covers a prefix.
  struct Context {
    const Target* route = nullptr;
    std::vector<const std::vector<Exception>*> exceptions;  // to that route, the longest's first
    std::array<std::uint32_t, abi::kMaxInterfaces> peer;    // kNoPeer: none
    std::uint16_t plain = 0;
    // Why the walk goes on.
    bool by_route = false;
    bool by_allowed = false;
  };
  struct Change {
    Family family;
    PrefixKey key;
    bool route = false;    // the prefix's routes
    bool allowed = false;  // its allowed IPs or plain ports
    auto operator<=>(const Change&) const = default;
  };
  // Lower ones first: [[route]]s in the order of the file, then kernel routes.
  using Rank = std::tuple<bool, KernelRank>;
  using Trie = PrefixTrie<Cell>;

  static Context outermost();
  static void enter(Context* context, const Cell& cell);
  [[nodiscard]] Trie& trie(Family family) { return family == Family::ipv4 ? trie4_ : trie6_; }
  Cell& touch(const Prefix& prefix, bool route, bool allowed);

  // fib_choice.cc; `admits` null: for what is forwarded.
  [[nodiscard]] Target resolve(const PrefixKey& own, Family family, const Cell& cell,
                               const Candidate& candidate, const Admits* admits, int depth);
  [[nodiscard]] Target resolve_fixed(const PrefixKey& own, Family family, const StaticRoute& route,
                                     const Admits* admits, int depth);
  [[nodiscard]] Target resolve_kernel(const KernelRoute& route, const Cell& cell) const;
  [[nodiscard]] Device device_of(const KernelRoute& route, int link, const Cell& cell) const;
  [[nodiscard]] Target resolve_gateway(const PrefixKey& own, Family family, const Address& via,
                                       const Admits* admits, int depth);
  [[nodiscard]] static Rank rank(const Candidate& candidate, const Target& target);
  // `chosen` gets which it is, if there is one.
  [[nodiscard]] Target best(const PrefixKey& key, Family family, const Cell& cell,
                            const Admits* admits, int depth, const Candidate** chosen = nullptr);
  [[nodiscard]] std::vector<Exception> exceptions(const PrefixKey& key, Family family,
                                                  const Cell& cell);
  void resolve_static_routes();
  void follow_gateways(std::vector<Prefix>* changed) const;
  void retarget(const Change& change);
  void reevaluate(const Change& change, Nanoseconds now);
  void reevaluate_everything(Nanoseconds now);
  void evaluate(Family family, const PrefixKey& key, Cell* cell, const Context& context,
                Nanoseconds now);
  void set_hop(Family family, const PrefixKey& key, Cell* cell, const std::optional<Hop>& hop,
               Nanoseconds now);
  void set_owner(Family family, const PrefixKey& key, Cell* cell, const Context& context);
  void send(abi::Table table, Family family, const PrefixKey& key, std::uint32_t value);

  // fib_flatten.cc
  [[nodiscard]] std::optional<Hop> flatten(Family family, const PrefixKey& key, const Cell& cell,
                                           const Context& context) const;
  [[nodiscard]] static bool differs_here(const Target& target, const Cell& cell);
  [[nodiscard]] Hop hop_of(const Target& target, Family family, const PrefixKey& key,
                           const Cell& cell, const Context& context) const;
  [[nodiscard]] Hop hop_of(const Way& way, Family family, const PrefixKey& key, const Cell& cell,
                           const Context& context) const;

  CommandSink* sink_;
  const Devices* devices_;
  NextHops* hops_;
  Owners* owners_;
  Trie trie4_;
  Trie trie6_;
  std::vector<StaticRoute> static_routes_;
  std::vector<Change> changes_;
  bool everything_ = false;
  std::uint32_t order_ = 0;
  std::size_t prefixes_ = 0;
  std::size_t sources_ = 0;
};

}  // namespace gotthard::route
