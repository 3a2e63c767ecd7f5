// What the kernel is known to have, with a generation on each entry: a dump stamps what it
// mentions, and what keeps an old stamp at its end is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "control/route/changes.h"
#include "control/route/netlink_parser.h"

namespace gotthard::route {

class KernelState {
 public:
  using ChangeSink = std::function<void(const Change&)>;
  explicit KernelState(ChangeSink changes) : changes_(std::move(changes)) {}

  void set(const Link& link);
  // With all addresses, routes and neighbours of the link.
  void remove(const LinkGone& link);
  void set(const LocalAddress& address);
  void remove(const LocalAddressGone& address);
  void set(const Neighbour& neighbour);
  void remove(const NeighbourGone& neighbour);
  void add(const KernelRoute& route);
  // False: the kernel removed or replaced what we do not know exactly: a dump is needed.
  [[nodiscard]] bool remove(const KernelRoute& route);
  [[nodiscard]] bool replace(const KernelRoute& route);

  [[nodiscard]] bool link_is_up(int index) const;

  void begin_links() { ++link_generation_; }
  void begin_addresses() { ++address_generation_; }
  void begin_routes() { ++route_generation_; }
  void begin_neighbours() { ++neighbour_generation_; }
  void end_links();
  void end_addresses();
  void end_routes();
  void end_neighbours();

 private:
  template <typename T>
  struct Stamped {
    T value;
    std::uint32_t generation = 0;
  };
  using AddressKey = std::pair<int, Address>;

  void erase_of_link(int index);

  ChangeSink changes_;
  std::map<int, Stamped<Link>> links_;
  std::map<AddressKey, Stamped<LocalAddress>> addresses_;
  std::map<AddressKey, Stamped<Neighbour>> neighbours_;
  std::map<KernelRoute, std::uint32_t> routes_;  // to generation
  std::uint32_t link_generation_ = 0;
  std::uint32_t address_generation_ = 0;
  std::uint32_t route_generation_ = 0;
  std::uint32_t neighbour_generation_ = 0;
};

}  // namespace gotthard::route
