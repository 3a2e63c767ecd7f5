// What the FIB builder knows and has sent; for its files.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "control/route/command_sink.h"
#include "control/route/devices.h"
#include "control/route/endpoints.h"
#include "control/route/fib_builder.h"
#include "control/route/fib_table.h"
#include "control/route/neighbours.h"
#include "control/route/next_hops.h"
#include "control/route/underlay.h"

namespace gotthard::route {

struct FibBuilder::State {
  explicit State(Callbacks callbacks)
      : sink(std::move(callbacks.emit)),
        neighbours(&sink, &devices, std::move(callbacks.resolve)),
        hops(&sink, &devices, &neighbours),
        owners(&sink),
        table(&sink, &devices, &hops, &owners),
        underlay(&devices, &table),
        endpoints(&devices, &table, &underlay, &neighbours) {}

  using InterfacePrefix = std::pair<std::uint16_t, Prefix>;

  void devices_changed();
  void neighbour_changed(int link, const Address& address);
  void update_vlans();
  void update_local_addresses();
  void note(const KernelRoute& route);
  void flush(Nanoseconds at);
  void commit();

  void apply(const Link& link);
  void apply(const LinkGone& gone);
  void apply(const LocalAddress& address);
  void apply(const LocalAddressGone& gone);
  void apply(const RouteAdded& added);
  void apply(const RouteReplaced& replaced);
  void apply(const RouteGone& gone);
  void apply(const Neighbour& neighbour);
  void apply(const NeighbourGone& gone);
  void apply(const PolicyRule& rule) { underlay.add(rule); }
  void apply(const PolicyRuleGone& gone) { underlay.remove(gone.rule); }
  void apply(const TableKnown& known) { underlay.add(known); }
  void apply(const TableGone& gone) { underlay.remove(gone); }
  void apply(const Synchronised& synchronised);

  CommandSink sink;
  Devices devices;
  Neighbours neighbours;
  NextHops hops;
  Owners owners;
  FibTable table;
  Underlay underlay;
  Endpoints endpoints;
  std::set<std::pair<std::uint16_t, Prefix>> plain;
  std::map<InterfacePrefix, std::uint32_t> owner_of;
  std::map<std::uint32_t, std::set<InterfacePrefix>> allowed_of;
  std::vector<abi::VlanSet> vlans;  // as sent, in the order of their links
  std::vector<OwnedAddress> local;  // as sent
  std::set<KernelRoute> unfollowed;
  std::uint64_t local_left_out = 0;
  bool addresses_changed = false;
  bool ways_changed = false;  // some can be used no more, or again
  Nanoseconds now = 0;
};

}  // namespace gotthard::route
