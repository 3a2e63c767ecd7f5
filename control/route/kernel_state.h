// What the kernel is known to have, with a generation on each entry: a dump stamps what it
// mentions, and what keeps an old stamp at its end is gone. Changes are told as they are found.
#pragma once

#include <array>
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

// What is dumped, one after another in this order.
enum class DumpKind : std::uint8_t {
  links,
  addresses,
  next_hops,
  routes4,
  routes6,
  neighbours,
  rules,
  count
};
inline constexpr std::size_t kDumpKinds = static_cast<std::size_t>(DumpKind::count);

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

  [[nodiscard]] const Link* link(int index) const;

  void begin_dump(DumpKind kind) { ++generation_[static_cast<std::size_t>(kind)]; }
  void end_dump(DumpKind kind);

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

  [[nodiscard]] std::uint32_t generation(DumpKind kind) const {
    return generation_[static_cast<std::size_t>(kind)];
  }
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
  void sweep_routes(abi::Family family, std::uint32_t generation);

  ChangeSink changes_;
  std::map<int, Stamped<Link>> links_;
  std::map<AddressKey, Stamped<LocalAddress>> addresses_;
  std::map<NeighbourKey, Stamped<Neighbour>> neighbours_;
  std::map<PolicyRule, Stamped<PolicyRule>> rules_;
  std::map<std::uint32_t, Stamped<NextHopObject>> objects_;
  Routes routes_;
  std::map<std::uint32_t, std::set<KernelRoute>> by_object_;  // identities
  std::array<std::uint32_t, kDumpKinds> generation_{};
};

}  // namespace gotthard::route
