// What a follower's changes add up to.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "control/route/changes.h"

namespace gotthard::route::test {

struct View {
  std::map<int, Link> links;
  std::map<std::tuple<int, Address, int>, LocalAddress> addresses;
  std::set<KernelRoute> routes;
  std::map<std::pair<int, Address>, Neighbour> neighbours;
  std::set<PolicyRule> rules;
  std::vector<PolicyRule> rules_in_order;  // as told
  std::set<std::pair<abi::Family, std::uint32_t>> tables;
  int synchronised = 0;

  void take(const Change& change) {
    std::visit([this](const auto& value) { on(value); }, change);
  }

  void on(const Link& link) {
    EXPECT_TRUE(!links.contains(link.index) || links[link.index] != link) << "told twice";
    links[link.index] = link;
  }
  void on(const LinkGone& gone) { EXPECT_EQ(links.erase(gone.index), 1U); }
  void on(const LocalAddress& address) {
    addresses[{address.link, address.address, address.prefix_length}] = address;
  }
  void on(const LocalAddressGone& gone) {
    EXPECT_EQ(addresses.erase({gone.link, gone.address, gone.prefix_length}), 1U);
  }
  void on(const RouteAdded& added) { EXPECT_TRUE(routes.insert(added.route).second); }
  void on(const RouteGone& gone) { EXPECT_EQ(routes.erase(gone.route), 1U); }
  void on(const RouteReplaced& replaced) {
    EXPECT_EQ(routes.erase(replaced.before), 1U);
    EXPECT_TRUE(routes.insert(replaced.after).second);
  }
  void on(const Neighbour& neighbour) {
    neighbours[{neighbour.link, neighbour.address}] = neighbour;
  }
  void on(const NeighbourGone& gone) { EXPECT_EQ(neighbours.erase({gone.link, gone.address}), 1U); }
  void on(const PolicyRule& rule) {
    EXPECT_TRUE(rules.insert(rule).second) << "told twice";
    rules_in_order.push_back(rule);
  }
  void on(const PolicyRuleGone& gone) {
    EXPECT_EQ(rules.erase(gone.rule), 1U);
    std::erase(rules_in_order, gone.rule);
  }
  void on(const TableKnown& table) {
    EXPECT_TRUE(tables.emplace(table.family, table.table).second) << "told twice";
  }
  void on(const TableGone& gone) {
    tables.erase({gone.family, gone.table});
    for (const KernelRoute& route : routes) {
      EXPECT_FALSE(route.table == gone.table && route.destination.address.family == gone.family)
          << "a route outlives its table";
    }
  }
  void on(const Synchronised&) { ++synchronised; }
};

}  // namespace gotthard::route::test
