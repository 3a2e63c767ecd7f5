// Makes the data plane's tables out of the configuration, the kernel's state and the peers' allowed
// IPs. Sans-I/O: values in, abi commands out, only differences to what was sent before.
//
//   FibBuilder fib({.emit = ..., .resolve = ...});
//   fib.configure(config, now);                        // once
//   fib.apply(change);                                 // from NetlinkSocket, any number
//   fib.set_allowed_ips(interface, peer, prefixes);    // peers come, go and change
//   fib.set_endpoint(interface, peer, remote);
//   fib.flush(now);                                    // sends it: once per turn of the reactor
//   for (peer : fib.take_changed_endpoints()) ...      // PeerSet with fib.endpoint(peer)
//
// Attachment: nothing is emitted before attach(). On an attachment send ResyncBegin, then attach(),
// then the rest (interfaces, peers), then ResyncEnd. attach() must wait for the first Synchronised
// change, or routes of a running data plane would vanish for that long.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/config/config.h"
#include "control/route/changes.h"
#include "dataplane/abi/records.h"

namespace gotthard::route {

struct Hop;
struct NeighbourInUse;
struct RuleNotFollowed;

// Where a peer's outer packets go: never through its own tunnel interface.
struct ResolvedEndpoint {
  std::uint16_t port = 0;
  std::uint32_t neighbour = abi::kNoNeighbour;
  Address local;
  std::uint16_t mtu = 0;                 // of outer IP packets
  std::uint32_t through = abi::kNoPeer;  // of another tunnel; no port and neighbour then
  bool operator==(const ResolvedEndpoint&) const = default;
};

// By which of the kernel's tables and rules an endpoint's way was found.
struct OuterWay {
  std::uint32_t table = kMainTable;
  std::optional<PolicyRule> rule;  // none: by the main table alone, or no rule had an answer
  std::string refusal;             // why there is no way by them; empty: there is one
};

struct FibCounters {
  std::uint64_t prefixes = 0;  // in `routes`, both families
  std::uint64_t sources = 0;   // in `sources`
  std::uint64_t next_hops = 0, owners = 0, neighbours = 0;
  std::uint64_t exhausted = 0;        // no number was left for a next hop, owner or neighbour
  std::uint64_t local_left_out = 0;   // local addresses beyond what the data plane takes
  std::uint64_t vlans_left_out = 0;   // the same of VLANs
  std::uint64_t resolve_limited = 0;  // requests to resolve a neighbour that were not made
};

class FibBuilder {
 public:
  struct Callbacks {
    // Sends a command and returns its serial. More than a ring holds may come at once: queue them.
    std::function<std::uint64_t(const abi::CommandBody&)> emit;
    // Asks the broker to resolve an address on-link at a port (rate-limited here).
    std::function<void(std::uint16_t port, const Address& address)> resolve;
  };

  explicit FibBuilder(Callbacks callbacks);
  ~FibBuilder();

  // Ports, tunnels, [[route]] and allow_plain, all replaced; allowed IPs and endpoints are not.
  void configure(const config::Config& config, Nanoseconds now);
  void apply(const Change& change);

  // Allowed IPs as WireGuard has them: a prefix has one owner per interface, the last who claimed
  // it.
  void set_allowed_ips(std::uint16_t interface, std::uint32_t peer,
                       std::span<const Prefix> prefixes);
  void add_allowed_ip(std::uint16_t interface, std::uint32_t peer, const Prefix& prefix);
  void remove_allowed_ip(std::uint16_t interface, std::uint32_t peer, const Prefix& prefix);
  [[nodiscard]] std::vector<Prefix> allowed_ips(std::uint32_t peer) const;
  // Of all interfaces; a prefix of two counts twice.
  [[nodiscard]] std::size_t allowed_ip_count() const;
  // Its allowed IPs and its endpoint. flush() before PeerRemove is sent.
  void remove_peer(std::uint32_t peer);

  // Of a peer of `interface`. Kept resolved from now on; family none: forgotten. `known_as`: our
  // address that the peer has sent to last, which is the source while it is ours; family none:
  // routing decides.
  void set_endpoint(std::uint16_t interface, std::uint32_t peer, const Address& remote,
                    const Address& known_as = {});
  // Of a tunnel's outer packets, by which policy rules route them; 0: none. From the next flush()
  // on, or when the tables that the rules name are known: the netlink follower is to get marks().
  void set_mark(std::uint16_t interface, std::uint32_t mark);
  [[nodiscard]] const std::set<std::uint32_t>& marks() const;
  // As of the last flush() or set_endpoint().
  [[nodiscard]] std::optional<ResolvedEndpoint> endpoint(std::uint32_t peer) const;
  // Those that flush() found to be resolved otherwise than before.
  [[nodiscard]] std::vector<std::uint32_t> take_changed_endpoints();
  // For an answer to an address that is no peer's endpoint yet: its neighbour is kept for a minute.
  [[nodiscard]] std::optional<ResolvedEndpoint> resolve_endpoint(std::uint16_t interface,
                                                                 const Address& remote,
                                                                 Nanoseconds now);

  // Everything changed since the last flush, then TablesCommit.
  void flush(Nanoseconds now);

  // The data plane is there (again): all state is emitted, then TablesCommit. All numbers are new,
  // those of endpoints' neighbours too.
  void attach(Nanoseconds now);
  // It is gone: nothing is emitted or resolved until attach().
  void detach();
  void on_applied(std::uint64_t serial);
  void on_need_neighbour(std::uint16_t port, const Address& address, Nanoseconds now);
  // What the data plane says of a port's link.
  void set_port_link(std::uint16_t port, bool up);
  // Refreshes neighbours in use and forgets what is not used. Call it about once a second.
  void on_time(Nanoseconds now);

  [[nodiscard]] bool synchronised() const;
  // The TUN of the interface exists and is administratively up.
  [[nodiscard]] bool tunnel_up(std::uint16_t interface) const;
  // Of its TUN (`ip link set wg0 mtu`); the configured one while there is none.
  [[nodiscard]] std::uint16_t tunnel_mtu(std::uint16_t interface) const;
  [[nodiscard]] FibCounters counters() const;
  // A port's, also of its VLANs.
  [[nodiscard]] std::string port_name(std::uint16_t port) const;
  // As the data plane has them.
  [[nodiscard]] std::vector<abi::VlanSet> vlans() const;
  // For operators: what the data plane was last told.
  void for_each_route(const std::function<void(const Prefix&, const Hop&)>& each) const;
  [[nodiscard]] std::vector<RuleNotFollowed> rules_not_followed() const;
  // What says where a peer's outer packets go, or why nowhere: a table, a rule.
  [[nodiscard]] std::optional<OuterWay> outer_way(std::uint32_t peer) const;
  [[nodiscard]] const std::set<KernelRoute>& routes_not_followed() const;
  // Of a group's members: its device is up and has a carrier.
  [[nodiscard]] bool alive(const Hop& hop) const;
  void for_each_neighbour(const std::function<void(const NeighbourInUse&)>& each) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gotthard::route
