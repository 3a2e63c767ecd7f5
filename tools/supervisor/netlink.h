// Changes to the kernel's links, addresses, routes and neighbours, in our own network namespace.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/config/config.h"
#include "tools/supervisor/leftovers.h"

struct nl_msg;
struct nl_sock;

namespace gotthard::supervisor {

using MacAddress = std::array<std::uint8_t, 6>;

struct LinkState {
  int index = 0;
  unsigned flags = 0;  // IFF_*
  unsigned mtu = 0;
  MacAddress mac{};
  bool xdp = false;  // has a program
};

struct LinkChange {
  unsigned set_flags = 0;
  unsigned clear_flags = 0;
  std::optional<unsigned> mtu;
  std::optional<MacAddress> mac;
};

struct RouteChange {
  config::Prefix prefix;
  int index = 0;  // of the interface; 0 for a blackhole
  std::uint32_t metric = 0;
};

class Netlink {
 public:
  static Result<Netlink> open();

  Result<std::optional<LinkState>> link(const std::string& name);
  Status change_link(int index, const LinkChange& change);
  Status detach_xdp(int index);

  // One that is there, or is not, is no error.
  Status add_address(int index, const config::InterfaceAddress& address);
  Status remove_address(int index, const config::InterfaceAddress& address);
  // Refuses to take the place of another route: true when it was added, false when one exists.
  Result<bool> add_route(const RouteChange& route);
  Status remove_route(const RouteChange& route);  // one that is not there is no error
  // Another way for the same prefix and metric: packets find one of the two all the while. False:
  // `from` is not there, and nothing has changed.
  Result<bool> move_route(const RouteChange& from, const RouteChange& to);
  // Routes of any kind in the main table, of this metric or a greater one.
  Result<std::set<Blackhole>> routes_from_metric(std::uint32_t least);
  // The index of the device that is the VLAN (IEEE 802.1Q) of another one.
  Result<int> vlan_of(int index, std::uint16_t vlan);
  // Makes the kernel ask for the neighbour's address, as if it had a packet for it.
  Status probe_neighbour(int index, const abi::Address& address);

  // Both families' messages as the kernel dumps them: what is on the device `index` alone.
  Result<std::vector<RawMessage>> addresses_of(int index);
  Result<std::vector<RawMessage>> routes_by(int index);
  Status remove_raw_address(const RawMessage& message);
  // What exists already is no error.
  Status restore_raw_address(const RawMessage& message);
  Status restore_raw_route(const RawMessage& message);

 private:
  Result<bool> take_route(const RouteChange& route);  // false: it was not there
  struct Free {
    void operator()(nl_sock* socket) const;
  };
  explicit Netlink(nl_sock* socket) : socket_(socket) {}
  int talk(nl_msg* message);  // frees it; 0 or -NLE_*
  int send_raw(int type, int flags, const RawMessage& body);
  Result<std::vector<RawMessage>> dump(int type, std::size_t header_size);

  std::unique_ptr<nl_sock, Free> socket_;
};

}  // namespace gotthard::supervisor
