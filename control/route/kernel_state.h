// What the kernel is known to have, with a generation on each entry: a dump stamps what it
// mentions, and what keeps an old stamp at its end is gone. Changes are told as they are found.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "control/route/changes.h"

namespace gotthard::route {

// What is dumped, one after another in this order.
enum class DumpKind : std::uint8_t { links, addresses, routes4, routes6, neighbours, rules, count };
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
  // False: what the kernel has of this prefix and metric now is not certain; a dump tells.
  // `multipath`: the message listed several hops, and may mean more than one that we know.
  [[nodiscard]] bool add(const KernelRoute& route, bool multipath);
  [[nodiscard]] bool replace(const KernelRoute& route, bool multipath);
  [[nodiscard]] bool remove(const KernelRoute& route, bool multipath);

  [[nodiscard]] bool link_is_up(int index) const;

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
  void stamp(const KernelRoute& route, bool multipath);
  // Routes of the same destination, metric and TOS.
  [[nodiscard]] int count_alike(const KernelRoute& route) const;
  void sweep_routes(abi::Family family, std::uint32_t generation);

  ChangeSink changes_;
  std::map<int, Stamped<Link>> links_;
  std::map<AddressKey, Stamped<LocalAddress>> addresses_;
  std::map<NeighbourKey, Stamped<Neighbour>> neighbours_;
  std::map<PolicyRule, Stamped<PolicyRule>> rules_;
  struct RouteState {
    std::uint32_t generation = 0;
    bool multipath = false;
  };
  std::map<KernelRoute, RouteState> routes_;
  std::array<std::uint32_t, kDumpKinds> generation_{};
};

}  // namespace gotthard::route
