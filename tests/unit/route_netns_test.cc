// The follower on a real kernel, in a network namespace of its own: after each change it must know
// what a follower that starts only now is told. Needs root and `ip`.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/fd.h"
#include "control/route/netlink_socket.h"
#include "tests/unit/route_view.h"

namespace gotthard::route::test {
namespace {

// As the supervisor opens it.
UniqueFd open_socket(int buffer, bool strict) {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
                      RTMGRP_IPV4_RULE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE |
                      1U << (RTNLGRP_IPV6_RULE - 1) | 1U << (RTNLGRP_NEXTHOP - 1);
  const int on = strict ? 1 : 0;
  EXPECT_EQ(setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)), 0);
  EXPECT_EQ(setsockopt(fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)), 0);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

struct Follower {
  View view;
  UniqueFd fd;
  NetlinkSocket socket;

  explicit Follower(int buffer = 4 << 20, bool strict = true)
      : fd(open_socket(buffer, strict)),
        socket(fd.get(), [this](const Change& change) { view.take(change); }) {
    socket.set_marks({5}, boottime_now());
    socket.start(boottime_now());
  }
  // Until all is quiet and nothing is due within the time that things settle. One that has just
  // started has nothing to settle.
  void settle(int quiet_rounds = 6) {
    const Nanoseconds end = boottime_now() + 30 * kSecond;
    int quiet = 0;
    while (quiet < quiet_rounds || !socket.synchronised()) {
      pollfd poll_fd{fd.get(), POLLIN, 0};
      const bool readable = poll(&poll_fd, 1, quiet_rounds == 1 ? 2 : 25) > 0;
      quiet = readable ? 0 : quiet + 1;
      const auto read = socket.on_readable(boottime_now());
      EXPECT_TRUE(read.has_value());
      socket.on_time(boottime_now());
      if (boottime_now() > end) {
        FAIL() << "the kernel never gets quiet";
      }
    }
    EXPECT_TRUE(socket.synchronised());
  }
};

std::string text(const Address& address) {
  char buffer[INET6_ADDRSTRLEN] = "-";
  if (address.family != abi::Family::none) {
    inet_ntop(address.family == abi::Family::ipv4 ? AF_INET : AF_INET6, address.bytes.data(),
              buffer, sizeof(buffer));
  }
  return buffer;
}

// All that is known, for comparison and for people who read a failure. The kernel does not tell of
// each neighbour that it has no answer from, which is the same as none.
std::vector<std::string> texts(const View& view) {
  std::vector<std::string> result;
  for (const auto& [index, link] : view.links) {
    result.push_back(fmt::format("link {} {} {} mtu {}", index, link.name, link.up, link.mtu));
  }
  for (const auto& [key, address] : view.addresses) {
    result.push_back(fmt::format("address {}/{} link {} source {}", text(address.address),
                                 address.prefix_length, address.link, address.source));
  }
  for (const KernelRoute& route : view.routes) {
    result.push_back(fmt::format(
        "route {}/{} table {} metric {} tos {} from {}/{} type {} protocol {} nhid {}"
        " source {} mtu {}",
        text(route.destination.address), route.destination.length, route.table, route.metric,
        route.tos, text(route.from.address), route.from.length, static_cast<int>(route.type),
        route.protocol, route.next_hop, text(route.source), route.mtu));
    for (const RouteHop& hop : route.hops) {
      result.back() +=
          fmt::format(" link {} gateway {} weight {}", hop.link, text(hop.gateway), hop.weight);
    }
  }
  for (const auto& [key, neighbour] : view.neighbours) {
    if (neighbour.mac != Mac{}) {
      result.push_back(fmt::format(
          "neighbour {} link {} mac {:02x} state {}", text(neighbour.address), neighbour.link,
          fmt::join(neighbour.mac, ":"), static_cast<int>(neighbour.state)));
    }
  }
  std::vector<PolicyRule> rules = view.rules_in_order;
  std::ranges::stable_sort(rules, std::ranges::less{}, [](const PolicyRule& rule) {
    return std::pair(rule.family, rule.priority);
  });
  for (std::size_t i = 0; i < rules.size(); ++i) {
    result.push_back(fmt::format("rule {}: {} {}: {}", i, static_cast<int>(rules[i].family),
                                 rules[i].priority, rules[i].text));
  }
  for (const auto& [family, table] : view.tables) {
    result.push_back(fmt::format("table {} {}", static_cast<int>(family), table));
  }
  return result;
}

std::vector<std::string> without(std::vector<std::string> all,
                                 const std::vector<std::string>& taken) {
  std::erase_if(
      all, [&](const std::string& one) { return std::ranges::find(taken, one) != taken.end(); });
  return all;
}

class NetlinkInNamespace : public testing::Test {
 protected:
  // Each test has a thread of its own, which lives in a namespace of its own; so do the commands
  // that it starts.
  template <typename Work>
  void in_namespace(Work work) {
    if (geteuid() != 0) {
      GTEST_SKIP() << "needs root: makes a network namespace";
    }
    if (std::system("ip -V > /dev/null 2>&1") != 0) {
      GTEST_SKIP() << "needs the ip command (package iproute2)";
    }
    std::string why_not;
    std::thread thread([&] {
      if (unshare(CLONE_NEWNET) != 0) {
        why_not = std::strerror(errno);
        return;
      }
      work();
    });
    thread.join();
    if (!why_not.empty()) {
      GTEST_SKIP() << "no network namespaces here: " << why_not;
    }
  }
  static void ip(const std::string& arguments) {
    EXPECT_EQ(std::system(("ip " + arguments).c_str()), 0) << arguments;
  }
  static void make_links() {
    ip("link set lo up");
    ip("link add wan type veth peer name wan-peer");
    ip("link add lan type veth peer name lan-peer");
    for (const char* name : {"wan", "wan-peer", "lan", "lan-peer"}) {
      ip(std::string("link set ") + name + " up");
    }
    ip("address add 192.0.2.1/24 dev wan");
    ip("address add 198.51.100.1/24 dev wan");
    ip("address add 10.1.0.1/24 dev lan");
    ip("-6 address add 2001:db8::1/64 dev wan nodad");
    ip("-6 address add 2001:db8:1::1/64 dev lan nodad");
  }
  // Addresses end their duplicate detection, and neighbours age, while one looks: same soon enough.
  static void expect_same(Follower* follower, const std::string& after) {
    const Nanoseconds end = boottime_now() + 10 * kSecond;
    std::vector<std::string> known;
    std::vector<std::string> told;
    do {
      Follower fresh;
      fresh.settle(1);
      follower->settle();
      known = texts(follower->view);
      told = texts(fresh.view);
    } while (known != told && boottime_now() < end);
    EXPECT_THAT(without(known, told), testing::IsEmpty()) << "known, though gone, after " << after;
    EXPECT_THAT(without(told, known), testing::IsEmpty()) << "not known after " << after;
  }
};

TEST_F(NetlinkInNamespace, FollowsWhatTheKernelDoes) {
  in_namespace([] {
    make_links();
    Follower follower;
    expect_same(&follower, "start");
    EXPECT_GE(follower.view.routes.size(), 5U);
    const std::vector<std::string> commands{
        "route add 10.2.0.0/16 via 192.0.2.254",
        "route add 10.2.0.0/16 via 192.0.2.253 metric 5",
        "route append 10.2.0.0/16 via 192.0.2.252",
        "route replace 10.2.0.0/16 via 192.0.2.251 metric 5",
        "route change 10.2.0.0/16 via 192.0.2.250 metric 5",
        "route replace 10.2.0.0/16 via 192.0.2.249",
        "route del 10.2.0.0/16 via 192.0.2.252",
        "route add blackhole 10.3.0.0/16 metric 4294967295 proto 171",
        "route add unreachable 10.4.0.0/16",
        "route add 10.5.0.0/16 nexthop via 192.0.2.2 nexthop via 10.1.0.2",
        "route replace 10.5.0.0/16 nexthop via 10.1.0.3 nexthop via 192.0.2.2",
        "route del 10.5.0.0/16",
        "route add 10.6.0.0/16 dev lan src 10.1.0.1 mtu 1400",
        "route add 10.7.0.0/16 via inet6 fe80::9 dev wan",
        "route add default via 192.0.2.254",
        "route add 10.8.0.0/16 via 192.0.2.254 table 100",
        "-6 route add 2001:db8:2::/48 via 2001:db8::2",
        "-6 route append 2001:db8:2::/48 via 2001:db8::3",
        "-6 route append 2001:db8:2::/48 via 2001:db8:1::4",
        "-6 route del 2001:db8:2::/48 via 2001:db8::2",
        "-6 route del 2001:db8:2::/48 via 2001:db8:1::4",
        "-6 route replace 2001:db8:2::/48 via 2001:db8::5",
        "-6 route add 2001:db8:3::/48 nexthop via 2001:db8::2 nexthop via 2001:db8:1::2",
        "-6 route del 2001:db8:3::/48",
        "-6 route add 2001:db8:4::/48 via fe80::9 dev wan",
        "-6 route add blackhole 2001:db8:5::/48",
        "-6 route add default via 2001:db8::2",
        "neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev wan nud permanent",
        "neigh change 192.0.2.9 lladdr 02:00:00:00:00:0a dev wan nud stale",
        "neigh add 2001:db8::9 lladdr 02:00:00:00:00:09 dev wan nud permanent",
        "neigh change 192.0.2.9 dev wan nud failed",
        "neigh del 2001:db8::9 dev wan",
        "rule add from 10.1.0.0/16 lookup 100",
        "rule add not fwmark 0x5 iif lan tos 0x10 lookup 100 priority 50",
        "-6 rule add to 2001:db8::/32 prohibit",
        "rule del from 10.1.0.0/16 lookup 100",
        "rule del priority 32767",  // the kernel's own
        "address add 10.9.0.1/24 dev lan",
        "route add 10.10.0.0/16 dev wan src 10.9.0.1",
        "address del 10.9.0.1/24 dev lan",  // takes the route with that source, unsaid
        "address add 192.0.2.1/16 dev wan",
        "address del 192.0.2.1/24 dev wan",
        "link set lan down",  // takes IPv4 routes, unsaid
        "link set lan up",
        "route add 10.6.0.0/16 dev lan",
        "link set wan mtu 1400",
        "link set lan down",
        "link set lan name inside",
        "link set inside up",
        "link add br0 type bridge",
        "link set inside master br0",
        "link set inside nomaster",
        "-6 address add 2001:db8:1::1/64 dev inside nodad",
        "route add 10.12.0.0/16 nexthop via 192.0.2.2 weight 3 nexthop dev inside weight 200",
        "route append 10.12.0.0/16 nexthop via 192.0.2.3 nexthop via 192.0.2.4",
        "route del 10.12.0.0/16 nexthop via 192.0.2.2 weight 3 nexthop dev inside weight 200",
        "route add 10.13.0.0/16 tos 0x10 via 192.0.2.2",
        "route add 10.13.0.0/16 via 192.0.2.3",
        "route del 10.13.0.0/16 tos 0x10",
        "route add prohibit 10.14.0.0/16",
        "route add throw 10.15.0.0/16",
        "route add 10.16.0.0/16 encap ip id 9 dst 192.0.2.9 dev wan",
        "-6 route add 2001:db8:6::/48 via 2001:db8::2",
        "-6 route append 2001:db8:6::/48 via 2001:db8::3",
        "-6 route append 2001:db8:6::/48 nexthop via 2001:db8:1::4 weight 4",
        "-6 route del 2001:db8:6::/48 via 2001:db8::2",
        "-6 route replace 2001:db8:6::/48 nexthop via 2001:db8::7 nexthop via 2001:db8:1::7",
        "-6 route del 2001:db8:6::/48 via 2001:db8:1::7",
        "-6 route add 2001:db8:7::/48 from 2001:db8:1::/64 via 2001:db8::9",
        "-6 route add 2001:db8:7::/48 via 2001:db8::8",
        "-6 route del 2001:db8:7::/48 from 2001:db8:1::/64",
        "nexthop add id 7 via 192.0.2.7 dev wan",
        "route add 10.11.0.0/16 nhid 7",
        "nexthop replace id 7 via 192.0.2.8 dev wan",
        "nexthop add id 8 dev inside",
        "nexthop add id 9 group 7,3/8",
        "route add 10.17.0.0/16 nhid 9",
        "-6 rule del to 2001:db8::/32 prohibit",  // the kernel looks gateways up by rules
        // Of a mark: its table is followed, with the routes that it has, and local with it.
        "route add 10.30.0.0/16 via 192.0.2.254 table 300",
        "route add 10.31.0.0/16 via 192.0.2.254 table 1000",
        "rule add fwmark 5 lookup 300 priority 60",
        "rule add fwmark 0x15/0xf lookup 1000 suppress_prefixlength 8 priority 60",
        "rule add fwmark 6 lookup 400 priority 60",
        "route add 10.32.0.0/16 via 192.0.2.253 table 300",
        "route replace 10.32.0.0/16 via 192.0.2.252 table 300",
        "route add 10.32.0.0/16 via 192.0.2.251 table 1000",
        "route add 10.32.0.0/16 via 192.0.2.251 table 400",
        "route add blackhole 10.33.0.0/16 table 1000",
        "route del 10.30.0.0/16 table 300",
        "-6 rule add not fwmark 7/7 to 2001:db8:30::/48 lookup 300",
        "-6 route add 2001:db8:30::/48 via 2001:db8::30 table 300",
        "-6 route append 2001:db8:30::/48 via 2001:db8::31 table 300",
        "-6 route del 2001:db8:30::/48 via 2001:db8::30 table 300",
        "rule add fwmark 5 goto 32766 priority 61",
        "rule add fwmark 5 blackhole priority 62",
        "rule add fwmark 5 nop priority 62",
        "rule del fwmark 5 lookup 300 priority 60",
        "rule add fwmark 5 lookup 300 priority 60",
        "nexthop add id 10 via 2001:db8::7 dev wan",
        "nexthop add id 11 via 2001:db8:1::8 dev inside",
        "nexthop add id 12 group 10/11 type resilient buckets 32",
        "-6 route add 2001:db8:8::/48 nhid 12",
        "nexthop replace id 9 group 7/8,5",
        "nexthop del id 7",
        "nexthop add id 13 blackhole",
        "route add 10.18.0.0/16 nhid 13",
        "nexthop replace id 13 via 192.0.2.3 dev wan",
        "link set inside down",
        "link set inside up",
        "nexthop del id 13",
        "link del wan",
    };
    for (const std::string& command : commands) {
      ip(command);
      expect_same(&follower, command);
    }
    EXPECT_EQ(follower.socket.counters().malformed, 0U);
    EXPECT_EQ(follower.socket.counters().overruns, 0U);
    EXPECT_EQ(follower.socket.counters().foreign, 0U);
  });
}

TEST_F(NetlinkInNamespace, MakesUpForAnOverrun) {
  in_namespace([] {
    make_links();
    Follower follower(4096);
    follower.settle();
    const auto batch = [](const char* verb, int count) {
      std::string path = "/tmp/gotthard-route-" + std::to_string(getpid()) + "-XXXXXX";
      UniqueFd file(mkstemp(path.data()));
      std::ofstream out(path);
      for (int i = 0; i < count; ++i) {
        out << "route " << verb << " 10." << 20 + i / 256 << "." << i % 256
            << ".0/24 via 192.0.2.254\n";
      }
      out.close();
      ip("-batch " + path);
      unlink(path.c_str());
    };
    // Nobody reads meanwhile: 4 KiB do not hold it.
    batch("add", 3000);
    expect_same(&follower, "3000 routes");
    EXPECT_GT(follower.socket.counters().overruns, 0U);
    EXPECT_GT(follower.view.routes.size(), 3000U);
    batch("del", 2999);
    expect_same(&follower, "2999 removals");
    EXPECT_LT(follower.view.routes.size(), 20U);
  });
}

// A kernel that knows no strict checks, or a supervisor that did not ask for them.
TEST_F(NetlinkInNamespace, DoesWithoutStrictChecks) {
  in_namespace([] {
    make_links();
    Follower follower(4 << 20, false);
    expect_same(&follower, "start");
    for (const KernelRoute& route : follower.view.routes) {
      EXPECT_NE(route.type, RouteType::local);
    }
  });
}

// The next control process gets the same descriptor, with what the last one left unread.
TEST_F(NetlinkInNamespace, ASecondReaderTakesOver) {
  in_namespace([] {
    make_links();
    Follower first;
    first.settle();
    ip("route add 10.2.0.0/16 via 192.0.2.254");
    first.socket.start(boottime_now());  // dies with a dump running
    View view;
    NetlinkSocket second(first.fd.get(), [&](const Change& change) { view.take(change); });
    ip("route del 10.2.0.0/16");
    second.start(boottime_now());
    const Nanoseconds end = boottime_now() + 10 * kSecond;
    while (!second.synchronised() && boottime_now() < end) {
      pollfd poll_fd{first.fd.get(), POLLIN, 0};
      poll(&poll_fd, 1, 20);
      ASSERT_TRUE(second.on_readable(boottime_now()).has_value());
      second.on_time(boottime_now());
    }
    ASSERT_TRUE(second.synchronised());
    Follower fresh;
    fresh.settle();
    EXPECT_EQ(view.routes, fresh.view.routes);
    EXPECT_EQ(view.links, fresh.view.links);
  });
}

}  // namespace
}  // namespace gotthard::route::test
