// Random rules, tables and marks: each endpoint's way is the one that the kernel's own procedure
// finds (fib_rules_lookup() of net/core/fib_rules.c), written here the slow way.
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "tests/unit/route_fixture.h"

namespace gotthard::route::test {
namespace {

constexpr int kWan2 = 6;
constexpr int kWg1 = 7;
constexpr std::array<std::uint32_t, 5> kTables{RT_TABLE_MAIN, RT_TABLE_LOCAL, RT_TABLE_DEFAULT, 100,
                                               1000};
constexpr std::array<std::uint32_t, 4> kMarks{0, 1, 2, 3};

// What the kernel does with a packet of interface `interface` to `to`.
struct SlowRules {
  std::vector<PolicyRule> rules;  // in the order they came
  std::vector<KernelRoute> routes;
  std::array<std::uint32_t, 2> marks{};

  struct Way {
    int link = 0;
    Address gateway;
    bool operator==(const Way&) const = default;
  };
  // What a table says: a way, a refusal (no link), or nothing.
  struct Said {
    bool any = false;
    bool throws = false;
    bool refuses = false;
    int length = 0;
    std::optional<Way> way;
  };

  static bool foreign(const KernelRoute& route) {
    return route.type == RouteType::unicast && route.hops[0].link == kEth0;
  }

  // Into tunnels nobody leads who has a peer: such ways end.
  [[nodiscard]] Said table(std::uint32_t number, int interface, const Address& to) const {
    for (int length = full_length(to.family); length >= 0; --length) {
      std::vector<const KernelRoute*> found;
      for (const KernelRoute& route : routes) {
        const bool own = route.type == RouteType::unicast &&
                         route.hops[0].link == (interface == 0 ? kWg0 : kWg1);
        if (route.table == number && route.destination.length == length &&
            covers(route.destination, to) && !own) {
          found.push_back(&route);
        }
      }
      std::stable_sort(found.begin(), found.end(), [](const auto* a, const auto* b) {
        return std::pair(foreign(*a), a->metric) < std::pair(foreign(*b), b->metric);
      });
      if (!found.empty()) {
        const KernelRoute& best = *found.front();
        Said said{.any = true, .length = length};
        said.throws = best.type == RouteType::none;
        said.refuses = best.type == RouteType::blackhole || best.type == RouteType::prohibit;
        if (best.type == RouteType::unicast && !foreign(best)) {
          said.way = Way{best.hops[0].link, best.hops[0].gateway};
        }
        return said;
      }
    }
    return {};
  }

  [[nodiscard]] bool selects(const PolicyRule& rule, std::uint32_t mark, const Address& to) const {
    bool selected = (mark & rule.mask) == (rule.mark & rule.mask);
    selected &= rule.to.length == 0 || covers(rule.to, to);
    return rule.supported && selected != rule.inverted;
  }

  // Nothing but what every host has, or nothing at all.
  [[nodiscard]] bool plain(std::uint32_t mark, Family family) const {
    bool any = false;
    bool main = false;
    for (const PolicyRule& rule : rules) {
      const bool marked = (mark & rule.mask) == (rule.mark & rule.mask);
      const bool ever = rule.inverted ? !marked || rule.to.length != 0 : marked;
      if (rule.family != family || !rule.supported || !ever ||
          rule.action == PolicyRule::Action::not_supported) {
        continue;
      }
      if (rule.inverted || rule.mask != 0 || rule.to.length != 0 || rule.suppress >= 0 ||
          rule.action != PolicyRule::Action::lookup || rule.table == 100 || rule.table == 1000) {
        return false;
      }
      any = true;
      main |= rule.table == RT_TABLE_MAIN;
    }
    return main || !any;
  }

  [[nodiscard]] std::optional<Way> find(int interface, const Address& to) const {
    const std::uint32_t mark = marks[static_cast<std::size_t>(interface)];
    if (mark == 0 || plain(mark, to.family)) {
      return table(RT_TABLE_MAIN, interface, to).way;
    }
    std::vector<const PolicyRule*> order;
    for (const PolicyRule& rule : rules) {
      if (rule.family == to.family) {
        order.push_back(&rule);
      }
    }
    std::stable_sort(order.begin(), order.end(),
                     [](const auto* a, const auto* b) { return a->priority < b->priority; });
    for (const PolicyRule* rule : order) {
      using Action = PolicyRule::Action;
      if (!selects(*rule, mark, to) || rule->action == Action::none ||
          rule->action == Action::not_supported) {
        continue;
      }
      if (rule->action != Action::lookup) {
        return std::nullopt;
      }
      const Said said = table(rule->table, interface, to);
      if (said.any && !said.throws && (said.refuses || said.length > rule->suppress)) {
        return said.way;
      }
    }
    return std::nullopt;
  }
};

class MarksHistory : public FibBuilderFixture {
 public:
  MarksHistory() {
    config::Port wan2;
    wan2.name = "wan2";
    config_.ports.push_back(wan2);
    config::WireGuard wg1;
    wg1.name = "wg1";
    config_.wireguard.push_back(wg1);
    fib_.configure(config_, now_);
    for (const auto& [link, name] : {std::pair{kWan, "wan"},
                                     {kLan, "lan"},
                                     {kWan2, "wan2"},
                                     {kWg0, "wg0"},
                                     {kWg1, "wg1"},
                                     {kEth0, "eth0"}}) {
      fib_.apply(Link{link, name, true, 1500});
    }
    address(kWan, "192.0.2.1/24");
    address(kWan2, "198.51.100.1/24");
    address(kWan, "2001:db8::1/64");
    address(kWan2, "2001:db8:2::1/64");
    for (const Family family : {Family::ipv4, Family::ipv6}) {
      for (const std::uint32_t table : kTables) {
        if (table != RT_TABLE_MAIN) {
          fib_.apply(TableKnown{family, table});
        }
      }
      for (const auto& [priority, table] :
           {std::pair{0U, RT_TABLE_LOCAL}, {9U, RT_TABLE_MAIN}, {10U, RT_TABLE_DEFAULT}}) {
        PolicyRule own;
        own.family = family;
        own.priority = priority;
        own.table = table;
        add(own);
      }
    }
    fib_.apply(Synchronised{});
    fib_.attach(now_);
    for (std::uint32_t peer = 0; peer < kPeers; ++peer) {
      fib_.set_endpoint(peer % 2, peer, remote(peer));
    }
  }
  void TestBody() override {}

  static constexpr std::uint32_t kPeers = 16;
  // Eight addresses of each family, at each interface.
  static Address remote(std::uint32_t peer) {
    const std::string host = std::to_string(peer / 4 * 4 + peer % 3);
    return peer / 2 % 2 == 0 ? ip("203.0.113." + host) : ip("2001:db8:9::" + host);
  }
  static Prefix prefix(bool ipv6, unsigned a) {
    constexpr std::array<int, 5> kFromEnd{128, 8, 4, 3, 0};
    const int full = ipv6 ? 128 : 32;
    const int length = std::max(0, full - kFromEnd[a % kFromEnd.size()]);
    const Address address = remote((a / 5 % 4) * 4 + (ipv6 ? 2 : 0));
    return to_prefix(address.family, to_key(Prefix{address, static_cast<std::uint8_t>(length)}));
  }

  void add(const PolicyRule& rule) {
    if (std::ranges::find(slow_.rules, rule) == slow_.rules.end()) {
      slow_.rules.push_back(rule);
      fib_.apply(rule);
    }
  }

  void step(std::uint64_t random) {
    random *= 0x9e3779b97f4a7c15ULL;
    random ^= random >> 29;
    std::array<std::uint8_t, 8> op{};
    for (auto& byte : op) {
      byte = static_cast<std::uint8_t>(random);
      random >>= 8;
    }
    const bool ipv6 = (op[1] & 1) != 0;
    switch (op[0] % 8) {
      case 0:
      case 1:
        return add(random_rule(ipv6, op));
      case 2:
        if (!slow_.rules.empty()) {
          const auto at = slow_.rules.begin() + op[2] % static_cast<int>(slow_.rules.size());
          fib_.apply(PolicyRuleGone{*at});
          slow_.rules.erase(at);
        }
        return;
      case 3:
        if (!slow_.routes.empty()) {
          const auto at = slow_.routes.begin() + op[2] % static_cast<int>(slow_.routes.size());
          fib_.apply(RouteGone{*at});
          slow_.routes.erase(at);
        }
        return;
      case 4: {
        slow_.marks[op[2] % 2] = kMarks[op[3] % kMarks.size()];
        fib_.set_mark(op[2] % 2, kMarks[op[3] % kMarks.size()]);
        return;
      }
      default: {
        const KernelRoute route = random_route(ipv6, op);
        if (std::ranges::find(slow_.routes, route) == slow_.routes.end()) {
          slow_.routes.push_back(route);
          fib_.apply(RouteAdded{route});
        }
      }
    }
  }

  static PolicyRule random_rule(bool ipv6, const std::array<std::uint8_t, 8>& op) {
    using Action = PolicyRule::Action;
    PolicyRule rule;
    rule.family = ipv6 ? Family::ipv6 : Family::ipv4;
    rule.priority = op[2] % 12;
    rule.inverted = op[3] % 5 == 0;
    rule.supported = op[3] % 16 != 1;
    rule.mark = op[4] % 4;
    rule.mask = op[4] % 7 == 0 ? 0 : 1 + op[4] % 3;
    if (op[5] % 4 == 0) {
      rule.to = prefix(ipv6, op[6]);
    }
    rule.action = op[5] % 8 < 6
                      ? Action::lookup
                      : std::array{Action::blackhole, Action::unreachable, Action::prohibit,
                                   Action::none, Action::not_supported}[op[6] % 5];
    rule.table = kTables[op[7] % kTables.size()];
    rule.suppress = op[7] % 3 != 0 ? -1 : op[6] % 2 == 0 ? 0 : (ipv6 ? 124 : 28);
    return rule;
  }

  static KernelRoute random_route(bool ipv6, const std::array<std::uint8_t, 8>& op) {
    KernelRoute route;
    route.table = kTables[op[2] % kTables.size()];
    route.destination = prefix(ipv6, op[3]);
    route.metric = op[4] % 3;
    constexpr std::array kTypes{RouteType::blackhole, RouteType::prohibit, RouteType::none};
    if (op[5] % 8 < kTypes.size()) {
      route.type = kTypes[op[5] % 8];
      return route;
    }
    constexpr std::array kLinks{kWan, kWan2, kWan, kWan2, kEth0, kWg0, kWg1};
    RouteHop hop;
    hop.link = kLinks[op[6] % kLinks.size()];
    if (hop.link == kWan || hop.link == kWan2) {
      const std::string network = ipv6 ? (hop.link == kWan ? "2001:db8::" : "2001:db8:2::")
                                       : (hop.link == kWan ? "192.0.2." : "198.51.100.");
      hop.gateway = ip(network + std::to_string(2 + op[7] % 3));
    }
    route.hops = {hop};
    return route;
  }

  void check() {
    fib_.flush(now_);
    for (std::uint32_t peer = 0; peer < kPeers; ++peer) {
      const auto expected = slow_.find(static_cast<int>(peer % 2), remote(peer));
      const auto actual = fib_.endpoint(peer);
      // Nobody is behind the tunnels.
      const bool way = expected && (expected->link == kWan || expected->link == kWan2);
      RC_ASSERT(actual.has_value() == way);
      RC_ASSERT(fib_.outer_way(peer)->refusal.empty() == expected.has_value());
      if (actual) {
        RC_ASSERT(actual->port == (expected->link == kWan ? 0 : 2));
        RC_ASSERT(plane_.neighbours().at(actual->neighbour).address == expected->gateway);
      }
    }
  }

 private:
  SlowRules slow_;
};

RC_GTEST_PROP(MarksProperty, EndpointsGoAsTheKernelSays, (const std::vector<std::uint64_t>& ops)) {
  MarksHistory history;
  for (const std::uint64_t op : ops) {
    history.step(op);
    history.check();
  }
}

RC_GTEST_PROP(MarksProperty, LongHistories, (std::uint64_t seed)) {
  MarksHistory history;
  std::uint64_t state = seed | 1;
  for (int i = 0; i < 200; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    history.step(state ^ state >> 32);
    history.check();
  }
}

}  // namespace
}  // namespace gotthard::route::test
