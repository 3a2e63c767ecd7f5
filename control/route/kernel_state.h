// What the kernel is known to have, with a generation on each entry: a dump stamps what it
// mentions, and what keeps an old stamp at its end is gone. Changes are told as they are found.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "control/route/changes.h"
#include "control/route/netlink_parser.h"

namespace gotthard::route {

// What is dumped, one after another in this order: rules say which tables' routes are.
enum class DumpKind : std::uint8_t {
  links,
  addresses,
  rules,
  next_hops,
  routes4,
  routes6,
  neighbours
};
struct Dump {
  DumpKind kind = DumpKind::links;
  std::uint32_t table = 0;  // of routes
  auto operator<=>(const Dump&) const = default;
};

class KernelState {
 public:
  using ChangeSink = std::function<void(const Change&)>;
  explicit KernelState(ChangeSink changes) : changes_(std::move(changes)) {}

  void set(const Link& link);
  void remove(const LinkGone& gone);
  void set(const LocalAddress& address);
  void remove(const LocalAddressGone& gone);
  void set(const Neighbour& neighbour);
  void remove(const NeighbourGone& gone);
  void set(const PolicyRule& rule);
  void remove(const PolicyRuleGone& gone);
  // Routes by it follow it.
  void set(const NextHopObject& object);
  void remove(const NextHopObjectGone& gone);
  [[nodiscard]] bool knows_object(std::uint32_t id) const { return objects_.contains(id); }
  // False: what the kernel has of this prefix and metric now is not certain; a dump tells.
  [[nodiscard]] bool add(const KernelRoute& route);
  [[nodiscard]] bool replace(const KernelRoute& route);
  [[nodiscard]] bool remove(const KernelRoute& route);

  // A table that is followed no more.
  void forget(abi::Family family, std::uint32_t table);

  [[nodiscard]] const Link* link(int index) const;
  // Sorted by their values.
  [[nodiscard]] std::vector<const PolicyRule*> rules() const;

  // One runs at a time.
  void begin_dump() { ++generation_; }
  void end_dump(const Dump& dump);

 private:
  template <typename T>
  struct Stamped {
    T value;
    std::uint32_t generation = 0;
  };
  struct AddressKey {
    int link = 0;
    Address address;
    std::uint8_t prefix_length = 0;
    auto operator<=>(const AddressKey&) const = default;
  };
  using NeighbourKey = std::pair<int, Address>;

  // The kernel keeps rules of one priority in the order that they came in, and dumps them so.
  struct KnownRule {
    std::uint32_t generation = 0;
    std::uint64_t seen = 0;
    std::uint64_t told = 0;
  };
  using Rules = std::map<PolicyRule, KnownRule>;
  // A route by its identity, and what was told of it: with the ways of its next-hop object.
  struct Told {
    std::uint32_t generation = 0;
    KernelRoute route;
  };
  using Routes = std::map<KernelRoute, Told>;
  using Alike = std::vector<Routes::iterator>;

  [[nodiscard]] KernelRoute resolved(const KernelRoute& route) const;
  [[nodiscard]] bool resolve_object(std::uint32_t id, std::uint16_t weight,
                                    KernelRoute* route) const;
  void stamp(const KernelRoute& route);
  void put(Routes::iterator before, const KernelRoute& route);
  void erase(Routes::iterator at);
  void follow_object(std::uint32_t id);
  // Routes that the kernel puts into one place: those of the same destination, metric and selector.
  [[nodiscard]] Alike alike(const KernelRoute& route);
  template <typename Gone>
  void erase_routes(abi::Family family, std::uint32_t table, Gone gone);
  void tell_order();

  ChangeSink changes_;
  std::map<int, Stamped<Link>> links_;
  std::map<AddressKey, Stamped<LocalAddress>> addresses_;
  std::map<NeighbourKey, Stamped<Neighbour>> neighbours_;
  Rules rules_;
  std::uint64_t rule_count_ = 0;  // seen or told
  std::map<std::uint32_t, Stamped<NextHopObject>> objects_;
  Routes routes_;
  std::map<std::uint32_t, std::set<KernelRoute>> by_object_;  // identities
  std::uint32_t generation_ = 0;
};

}  // namespace gotthard::route
