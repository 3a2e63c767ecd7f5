// Routes of the kernel's tables beside main, by which outer packets of marked tunnels go.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "control/route/address.h"
#include "control/route/changes.h"
#include "control/route/devices.h"
#include "control/route/kernel_target.h"
#include "control/route/prefix_trie.h"
#include "control/route/target.h"

namespace gotthard::route {

class PolicyTables {
 public:
  explicit PolicyTables(const Devices* devices) : devices_(devices) {}

  void add(const KernelRoute& route);
  void replace(const KernelRoute& before, const KernelRoute& after);
  void remove(const KernelRoute& route);

  // As FibTable::underlay() of the main table.
  [[nodiscard]] Answer find(std::uint32_t table, const Address& address, const Admits& admits);
  // Where routes have come, gone or changed since the last time.
  [[nodiscard]] std::vector<Prefix> take_changed();

 private:
  struct Entry {
    std::uint32_t order = 0;  // earlier ones first
    KernelRoute route;
  };
  using Entries = std::vector<Entry>;  // of one prefix
  struct Table {
    PrefixTrie<Entries> ipv4;
    PrefixTrie<Entries> ipv6;
    PrefixTrie<Entries>& of(Family family) { return family == Family::ipv4 ? ipv4 : ipv6; }
  };

  Entries& touch(const KernelRoute& route);

  const Devices* devices_;
  std::map<std::uint32_t, Table> tables_;
  std::vector<Prefix> changed_;
  std::uint32_t order_ = 0;
};

}  // namespace gotthard::route
