// Examples of what the FIB builder does, and how long it takes with many routes.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "control/route/number_pool.h"
#include "tests/unit/route_model.h"

namespace gotthard::route::test {
namespace {

Address ip(const std::string& text) {
  Address address;
  if (text.find(':') == std::string::npos) {
    address.family = Family::ipv4;
    EXPECT_EQ(inet_pton(AF_INET, text.c_str(), address.bytes.data()), 1) << text;
  } else {
    address.family = Family::ipv6;
    EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), address.bytes.data()), 1) << text;
  }
  return address;
}
Prefix net(const std::string& text) {
  const auto slash = text.find('/');
  return {ip(text.substr(0, slash)), static_cast<std::uint8_t>(std::stoi(text.substr(slash + 1)))};
}

constexpr int kWan = 3;
constexpr int kLan = 4;
constexpr int kWg0 = 5;
constexpr int kEth0 = 2;
constexpr Mac kMac{2, 0, 0, 0, 0, 9};

// The gateway of the project's example: wan (port 0, underlay), lan (port 1, inside), wg0.
class FibBuilderTest : public testing::Test {
 protected:
  FibBuilderTest() {
    config::Port wan;
    wan.name = "wan";
    config::Port lan;
    lan.name = "lan";
    lan.role = config::Role::inside;
    config_.ports = {wan, lan};
    config::WireGuard wg0;
    wg0.name = "wg0";
    config_.wireguard = {wg0};
  }

  void start() {
    fib_.configure(config_, now_);
    fib_.apply(Link{kWan, "wan", true, 1500});
    fib_.apply(Link{kLan, "lan", true, 1500});
    fib_.apply(Link{kWg0, "wg0", true, 1420});
    fib_.apply(Link{kEth0, "eth0", true, 1500});
    address(kWan, "192.0.2.1/24");
    address(kWan, "2001:db8::1/64");
    address(kLan, "10.1.0.1/24");
    address(kWg0, "172.31.0.1/30");
    route("192.0.2.0/24", kWan);
    route("2001:db8::/64", kWan);
    route("10.1.0.0/24", kLan);
    route("172.31.0.0/30", kWg0);
    fib_.apply(Synchronised{});
    fib_.attach(now_, 1);
  }

  void address(int link, const std::string& text) {
    const Prefix prefix = net(text);
    fib_.apply(LocalAddress{link, prefix.address, prefix.length, true});
  }
  static KernelRoute make_route(const std::string& prefix, int link, const std::string& via = {},
                                std::uint32_t metric = 0) {
    KernelRoute route;
    route.destination = net(prefix);
    route.link = link;
    route.metric = metric;
    if (!via.empty()) {
      route.gateway = ip(via);
    }
    return route;
  }
  void route(const std::string& prefix, int link, const std::string& via = {},
             std::uint32_t metric = 0) {
    fib_.apply(RouteAdded{make_route(prefix, link, via, metric)});
  }
  void neighbour(int link, const std::string& address, Reachability state) {
    fib_.apply(Neighbour{link, ip(address), kMac, state});
  }
  void flush() { fib_.flush(now_); }
  abi::HopKind kind(const std::string& address) {
    return static_cast<abi::HopKind>(plane_.lookup(ip(address)).kind);
  }
  const abi::NeighbourSet* sent_neighbour(const std::string& address) {
    for (const auto& [number, sent] : plane_.neighbours()) {
      if (sent.address == ip(address)) {
        return &sent;
      }
    }
    return nullptr;
  }
  void apply_all() {
    while (const auto serial = plane_.apply_oldest()) {
      fib_.on_applied(*serial);
    }
  }

  config::Config config_;
  DataPlaneModel plane_;
  std::uint64_t sent_ = 0;
  std::vector<std::pair<std::uint16_t, Address>> asked_;
  Nanoseconds now_ = 1000 * kSecond;
  FibBuilder fib_{
      {[this](const abi::CommandBody& command) {
         ++sent_;
         return plane_.take(command);
       },
       [this](std::uint16_t port, const Address& address) { asked_.emplace_back(port, address); }}};
};

using abi::HopKind;

TEST_F(FibBuilderTest, NothingIsSentBeforeAttachment) {
  fib_.configure(config_, now_);
  fib_.apply(Link{kWan, "wan", true, 1500});
  route("192.0.2.0/24", kWan);
  flush();
  EXPECT_EQ(sent_, 0U);
  fib_.attach(now_, 1);
  EXPECT_EQ(kind("192.0.2.7"), HopKind::glean);
}

TEST_F(FibBuilderTest, AFlushWithoutChangesSendsNothing) {
  start();
  const auto before = sent_;
  flush();
  fib_.apply(Link{kWan, "wan", true, 1500});
  address(kWan, "192.0.2.1/24");
  flush();
  EXPECT_EQ(sent_, before);
}

TEST_F(FibBuilderTest, OnLinkAddressesAreGleanedUntilTheirNeighbourIsKnown) {
  start();
  EXPECT_EQ(kind("10.1.0.7"), HopKind::glean);
  EXPECT_EQ(kind("10.1.0.1"), HopKind::local);
  neighbour(kLan, "10.1.0.7", Reachability::reachable);
  flush();
  EXPECT_EQ(kind("10.1.0.7"), HopKind::neighbour);
  EXPECT_EQ(kind("10.1.0.8"), HopKind::glean);
  ASSERT_NE(sent_neighbour("10.1.0.7"), nullptr);
  EXPECT_EQ(sent_neighbour("10.1.0.7")->mac, kMac);

  // Known at a port where it is not on-link: of no use.
  neighbour(kWan, "10.1.0.8", Reachability::reachable);
  neighbour(kLan, "10.1.0.7", Reachability::failed);
  flush();
  EXPECT_EQ(kind("10.1.0.7"), HopKind::glean);
  EXPECT_EQ(kind("10.1.0.8"), HopKind::glean);
  apply_all();
  flush();
  EXPECT_EQ(sent_neighbour("10.1.0.7"), nullptr);
}

TEST_F(FibBuilderTest, AGatewayIsAskedForAndThenUsed) {
  start();
  route("0.0.0.0/0", kWan, "192.0.2.254");
  flush();
  EXPECT_EQ(kind("203.0.113.1"), HopKind::neighbour);
  ASSERT_NE(sent_neighbour("192.0.2.254"), nullptr);
  EXPECT_EQ(sent_neighbour("192.0.2.254")->reachable, 0);
  EXPECT_THAT(asked_, testing::ElementsAre(testing::Pair(0, ip("192.0.2.254"))));
  const auto number = sent_neighbour("192.0.2.254")->neighbour;
  const auto before = sent_;
  neighbour(kWan, "192.0.2.254", Reachability::reachable);
  flush();
  EXPECT_EQ(sent_neighbour("192.0.2.254")->reachable, 1);
  EXPECT_EQ(sent_neighbour("192.0.2.254")->neighbour, number);
  // The neighbour, its host entry (by the next hop that the route has), and the commit.
  EXPECT_EQ(sent_, before + 3);
  neighbour(kWan, "192.0.2.254", Reachability::failed);
  flush();
  EXPECT_EQ(sent_neighbour("192.0.2.254")->reachable, 0);
  EXPECT_EQ(kind("203.0.113.1"), HopKind::neighbour);
}

TEST_F(FibBuilderTest, RoutesOfTheHostsOwnLinksNeverForward) {
  start();
  route("198.51.100.0/24", kEth0);
  route("0.0.0.0/0", kEth0, "198.51.100.1");
  flush();
  EXPECT_EQ(kind("198.51.100.7"), HopKind::blackhole);
  EXPECT_EQ(kind("203.0.113.1"), HopKind::blackhole);
  // The host's default route does not hide ours, whatever its metric.
  route("0.0.0.0/0", kWan, "192.0.2.254", 500);
  flush();
  EXPECT_EQ(kind("203.0.113.1"), HopKind::neighbour);
  EXPECT_EQ(kind("198.51.100.7"), HopKind::blackhole);
}

TEST_F(FibBuilderTest, ConfiguredRoutesComeFirst) {
  config::Route fixed;
  fixed.destination = net("0.0.0.0/0");
  fixed.via = ip("192.0.2.254");
  config_.routes = {fixed};
  start();
  route("0.0.0.0/0", kLan, "10.1.0.254");
  flush();
  EXPECT_EQ(plane_.lookup(ip("203.0.113.1")).neighbour, ip("192.0.2.254"));
  // Without the way to its gateway it is a blackhole: no other route takes over.
  fib_.apply(RouteGone{make_route("192.0.2.0/24", kWan)});
  flush();
  EXPECT_EQ(kind("203.0.113.1"), HopKind::blackhole);
}

TEST_F(FibBuilderTest, AllowedIpsAreFoldedIntoRoutes) {
  start();
  route("10.2.0.0/16", kWg0);
  const std::vector<Prefix> a{net("10.2.0.0/16"), net("172.31.0.2/32")};
  const std::vector<Prefix> b{net("10.2.7.0/24"), net("10.9.0.0/16")};
  fib_.set_allowed_ips(0, 1, a);
  fib_.set_allowed_ips(0, 2, b);
  flush();
  EXPECT_EQ(plane_.lookup(ip("10.2.0.1")).peer, 1U);
  EXPECT_EQ(plane_.lookup(ip("10.2.7.1")).peer, 2U);
  EXPECT_EQ(plane_.lookup(ip("172.31.0.2")).peer, 1U);
  EXPECT_EQ(plane_.lookup(ip("172.31.0.3")).peer, abi::kNoPeer);
  EXPECT_EQ(kind("10.9.0.1"), HopKind{});  // allowed, but no route leads there
  EXPECT_EQ(plane_.owners(ip("10.9.0.1")), (OwnerMap{{0, 2}}));
  EXPECT_EQ(plane_.lookup(ip("10.2.7.1")).mtu, 1420);

  // The last claim wins; a peer's list replaces what it had.
  fib_.set_allowed_ips(0, 2, a);
  flush();
  EXPECT_EQ(plane_.lookup(ip("10.2.7.1")).peer, 2U);
  EXPECT_EQ(plane_.owners(ip("10.9.0.1")), OwnerMap{});
  EXPECT_THAT(fib_.allowed_ips(1), testing::IsEmpty());
  fib_.remove_peer(2);
  flush();
  EXPECT_EQ(plane_.lookup(ip("10.2.0.1")).peer, abi::kNoPeer);
  EXPECT_EQ(fib_.counters().sources, 0U);
}

TEST_F(FibBuilderTest, TheSupervisorsBlackholeGuardsATunnelPrefix) {
  start();
  fib_.set_allowed_ips(0, 1, std::vector<Prefix>{net("10.2.0.0/16")});
  KernelRoute guard = make_route("10.2.0.0/16", 0, {}, 0xffffffff);
  guard.type = RouteType::blackhole;
  guard.protocol = kRouteProtocol;
  fib_.apply(RouteAdded{guard});
  route("0.0.0.0/0", kWan, "192.0.2.254");
  flush();
  EXPECT_EQ(kind("10.2.0.1"), HopKind::blackhole);
  route("10.0.0.0/8", kWg0);
  flush();
  EXPECT_EQ(kind("10.2.0.1"), HopKind::tunnel);
  EXPECT_EQ(plane_.lookup(ip("10.2.0.1")).peer, 1U);
  // `ip link set wg0 down` takes the route away.
  fib_.apply(RouteGone{make_route("10.0.0.0/8", kWg0)});
  flush();
  EXPECT_EQ(kind("10.2.0.1"), HopKind::blackhole);
}

TEST_F(FibBuilderTest, PlainPrefixesAreMarked) {
  config_.ports[0].allow_plain = {net("203.0.113.0/24"), net("192.0.2.8/32")};
  start();
  route("0.0.0.0/0", kWan, "192.0.2.254");
  neighbour(kWan, "192.0.2.8", Reachability::reachable);
  flush();
  EXPECT_TRUE(plane_.lookup(ip("203.0.113.1")).allow_plain);
  EXPECT_TRUE(plane_.lookup(ip("192.0.2.8")).allow_plain);
  EXPECT_FALSE(plane_.lookup(ip("203.0.114.1")).allow_plain);
  EXPECT_FALSE(plane_.lookup(ip("192.0.2.9")).allow_plain);
}

TEST_F(FibBuilderTest, EndpointsAvoidTunnels) {
  start();
  route("0.0.0.0/0", kWg0);
  route("0.0.0.0/0", kWan, "192.0.2.254", 100);
  flush();
  fib_.set_endpoint(1, ip("203.0.113.9"));
  fib_.set_endpoint(2, ip("192.0.2.2"));
  fib_.set_endpoint(3, ip("2001:db8::2"));
  EXPECT_THAT(fib_.take_changed_endpoints(), testing::IsEmpty());
  ASSERT_TRUE(fib_.endpoint(1) && fib_.endpoint(2) && fib_.endpoint(3));
  EXPECT_EQ(plane_.neighbours().at(fib_.endpoint(1)->neighbour).address, ip("192.0.2.254"));
  EXPECT_EQ(plane_.neighbours().at(fib_.endpoint(2)->neighbour).address, ip("192.0.2.2"));
  EXPECT_EQ(fib_.endpoint(1)->local, ip("192.0.2.1"));
  EXPECT_EQ(fib_.endpoint(3)->local, ip("2001:db8::1"));
  EXPECT_EQ(fib_.endpoint(3)->mtu, 1500);
  EXPECT_EQ(fib_.endpoint(9), std::nullopt);

  // Another gateway: only the peer behind it is told.
  fib_.apply(RouteGone{make_route("0.0.0.0/0", kWan, "192.0.2.254", 100)});
  route("0.0.0.0/0", kWan, "192.0.2.253", 100);
  flush();
  EXPECT_THAT(fib_.take_changed_endpoints(), testing::ElementsAre(1));
  EXPECT_EQ(plane_.neighbours().at(fib_.endpoint(1)->neighbour).address, ip("192.0.2.253"));
  // No way any more.
  fib_.apply(RouteGone{make_route("0.0.0.0/0", kWan, "192.0.2.253", 100)});
  flush();
  EXPECT_THAT(fib_.take_changed_endpoints(), testing::ElementsAre(1));
  EXPECT_EQ(fib_.endpoint(1), std::nullopt);
}

TEST_F(FibBuilderTest, EndpointsThatCannotBe) {
  start();
  for (const char* bad : {"192.0.2.1", "192.0.2.255", "192.0.2.0", "224.0.0.1", "fe80::1",
                          "ff02::1", "172.31.0.2", "198.51.100.1"}) {
    fib_.set_endpoint(1, ip(bad));
    EXPECT_EQ(fib_.endpoint(1), std::nullopt) << bad;
    EXPECT_EQ(fib_.resolve_endpoint(ip(bad), now_), std::nullopt) << bad;
  }
}

TEST_F(FibBuilderTest, SourceAddressesFollowTheirNetworkAndPreference) {
  start();
  address(kWan, "198.51.100.1/24");
  route("198.51.100.0/24", kWan);
  KernelRoute preferred = make_route("203.0.113.0/24", kWan, "192.0.2.254");
  preferred.source = ip("10.1.0.1");
  fib_.apply(RouteAdded{preferred});
  flush();
  fib_.set_endpoint(1, ip("198.51.100.9"));
  fib_.set_endpoint(2, ip("203.0.113.9"));
  EXPECT_EQ(fib_.endpoint(1)->local, ip("198.51.100.1"));
  EXPECT_EQ(fib_.endpoint(2)->local, ip("10.1.0.1"));
  // The preferred one is not ours any more.
  fib_.apply(LocalAddressGone{kLan, ip("10.1.0.1"), 24});
  flush();
  EXPECT_THAT(fib_.take_changed_endpoints(), testing::ElementsAre(2));
  EXPECT_EQ(fib_.endpoint(2)->local, ip("192.0.2.1"));
}

TEST_F(FibBuilderTest, APassingEndpointKeepsItsNeighbourForAMinute) {
  start();
  const auto resolved = fib_.resolve_endpoint(ip("192.0.2.77"), now_);
  ASSERT_TRUE(resolved.has_value());
  EXPECT_EQ(resolved, fib_.resolve_endpoint(ip("192.0.2.77"), now_));
  EXPECT_NE(sent_neighbour("192.0.2.77"), nullptr);
  for (const Nanoseconds later : {59 * kSecond, 61 * kSecond}) {
    fib_.on_time(now_ + later);
    for (int i = 0; i < 3; ++i) {
      flush();
      apply_all();
    }
    EXPECT_EQ(sent_neighbour("192.0.2.77") != nullptr, later < 60 * kSecond);
  }
}

TEST_F(FibBuilderTest, NeededNeighboursAreAskedForWhereTheyCanBe) {
  start();
  fib_.on_need_neighbour(1, ip("10.1.0.9"), now_);
  EXPECT_THAT(asked_, testing::ElementsAre(testing::Pair(1, ip("10.1.0.9"))));
  asked_.clear();
  fib_.on_need_neighbour(1, ip("10.1.0.255"), now_);  // broadcast
  fib_.on_need_neighbour(1, ip("10.1.0.1"), now_);    // ours
  fib_.on_need_neighbour(0, ip("10.1.0.9"), now_);    // of the other port
  fib_.on_need_neighbour(1, ip("203.0.113.1"), now_);
  EXPECT_THAT(asked_, testing::IsEmpty());
}

TEST_F(FibBuilderTest, AskingIsLimited) {
  start();
  for (int i = 0; i < 10000; ++i) {
    fib_.on_need_neighbour(1, ip("10.1.0.9"), now_);
  }
  EXPECT_EQ(asked_.size(), 200U);
  EXPECT_EQ(fib_.counters().resolve_limited, 9800U);
  now_ += kSecond;
  for (int i = 0; i < 10000; ++i) {
    fib_.on_need_neighbour(1, ip("10.1.0.9"), now_);
  }
  EXPECT_EQ(asked_.size(), 300U);
}

TEST_F(FibBuilderTest, StaleNeighboursInUseAreRefreshed) {
  start();
  neighbour(kLan, "10.1.0.7", Reachability::reachable);
  flush();
  fib_.on_time(now_ += 31 * kSecond);
  EXPECT_THAT(asked_, testing::IsEmpty());
  neighbour(kLan, "10.1.0.7", Reachability::stale);
  flush();
  EXPECT_EQ(kind("10.1.0.7"), HopKind::neighbour);
  fib_.on_time(now_ += kSecond);
  fib_.on_time(now_ += kSecond);
  EXPECT_EQ(asked_.size(), 1U);
  fib_.on_time(now_ += 30 * kSecond);
  EXPECT_EQ(asked_.size(), 2U);
}

TEST_F(FibBuilderTest, ADeviceMadeAnewIsFollowed) {
  start();
  fib_.apply(LinkGone{kLan});
  flush();
  EXPECT_EQ(kind("10.1.0.7"), HopKind::blackhole);
  EXPECT_EQ(kind("10.1.0.1"), HopKind::blackhole);
  fib_.apply(Link{40, "lan", true, 1400});
  address(40, "10.1.0.1/24");
  fib_.apply(RouteGone{make_route("10.1.0.0/24", kLan)});
  route("10.1.0.0/24", 40);
  flush();
  EXPECT_EQ(kind("10.1.0.7"), HopKind::glean);
  EXPECT_EQ(plane_.lookup(ip("10.1.0.7")).mtu, 1400);
  EXPECT_EQ(kind("10.1.0.1"), HopKind::local);
}

TEST_F(FibBuilderTest, ConfiguredAddressesStandInUntilTheKernelsAreKnown) {
  config_.ports[1].addresses = {net("10.5.0.1/24")};
  fib_.configure(config_, now_);
  fib_.attach(now_, 1);
  EXPECT_EQ(kind("10.5.0.1"), HopKind::local);
  fib_.apply(Synchronised{});
  flush();
  EXPECT_EQ(kind("10.5.0.1"), HopKind{});
  EXPECT_THAT(plane_.local(), testing::IsEmpty());
}

TEST_F(FibBuilderTest, TunnelUpFollowsTheLink) {
  start();
  EXPECT_TRUE(fib_.tunnel_up(0));
  fib_.apply(Link{kWg0, "wg0", false, 1420});
  EXPECT_FALSE(fib_.tunnel_up(0));
  EXPECT_FALSE(fib_.tunnel_up(7));
}

TEST_F(FibBuilderTest, LinkLocalAndMulticastRoutesAreLeftOut) {
  start();
  const auto before = fib_.counters().prefixes;
  route("fe80::/64", kWan);
  route("fe80::/64", kLan);
  route("ff00::/8", kLan);
  neighbour(kWan, "fe80::9", Reachability::reachable);
  flush();
  EXPECT_EQ(fib_.counters().prefixes, before);
  // But a link-local gateway is as good as any.
  route("::/0", kWan, "fe80::9");
  flush();
  EXPECT_EQ(plane_.lookup(ip("2001:db8:f::1")).neighbour, ip("fe80::9"));
  EXPECT_EQ(sent_neighbour("fe80::9")->reachable, 1);
}

TEST_F(FibBuilderTest, RunningOutOfNumbersNeverSendsElsewhere) {
  start();
  route("10.2.0.0/15", kWg0);
  // More peers than next hops can name.
  config_.wireguard.resize(4, config_.wireguard[0]);
  for (std::size_t i = 0; i < 4; ++i) {
    config_.wireguard[i].name = "wg" + std::to_string(i);
    fib_.apply(Link{kWg0 + static_cast<int>(i), "wg" + std::to_string(i), true, 1420});
  }
  fib_.configure(config_, now_);
  for (std::uint32_t i = 0; i < 4; ++i) {
    route("10." + std::to_string(10 + i) + ".0.0/16", kWg0 + static_cast<int>(i));
    for (std::uint32_t peer = 0; peer < 12000; ++peer) {
      Prefix prefix = net("10." + std::to_string(10 + i) + ".0.0/32");
      prefix.address.bytes[2] = static_cast<std::uint8_t>(peer >> 8);
      prefix.address.bytes[3] = static_cast<std::uint8_t>(peer);
      fib_.add_allowed_ip(static_cast<std::uint16_t>(i), peer, prefix);
    }
  }
  flush();
  EXPECT_GT(fib_.counters().exhausted, 0U);
  const Verdict last = plane_.lookup(ip("10.13.46.200"));
  EXPECT_TRUE(last.kind == static_cast<int>(HopKind::blackhole) || last.peer == 46U * 256 + 200);
}

TEST(NumberPool, GivesANumberAgainOnlyAfterItsCommitWasCarriedOut) {
  NumberPool pool(10, 14);
  pool.restart(0);
  for (std::uint32_t number = 10; number < 14; ++number) {
    EXPECT_EQ(pool.take(), number);
  }
  EXPECT_EQ(pool.take(), std::nullopt);
  pool.give_back(12);
  EXPECT_EQ(pool.take(), std::nullopt);
  pool.committed(7);
  pool.give_back(11);
  pool.applied(6);
  EXPECT_EQ(pool.take(), std::nullopt);
  pool.applied(7);
  EXPECT_EQ(pool.take(), 12U);
  EXPECT_EQ(pool.take(), std::nullopt);
  pool.committed(9);
  pool.applied(9);
  EXPECT_EQ(pool.take(), 11U);
}

TEST(NumberPool, AttachmentsOneAfterAnotherUseOtherNumbers) {
  std::set<std::uint32_t> before;
  for (std::uint64_t epoch = 1; epoch < 20; ++epoch) {
    NumberPool pool(1, 1001);
    pool.restart(epoch);
    std::set<std::uint32_t> numbers;
    for (int i = 0; i < 400; ++i) {
      const std::uint32_t number = pool.take().value_or(0);
      EXPECT_TRUE(numbers.insert(number).second);
      EXPECT_FALSE(before.contains(number)) << "epoch " << epoch;
    }
    before = std::move(numbers);
  }
}

// ---------------------------------------------------------------- time

Prefix random_prefix(std::uint64_t* state, bool ipv6) {
  *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
  const std::uint64_t random = *state;
  Prefix prefix;
  prefix.length = static_cast<std::uint8_t>(ipv6 ? 32 + (random >> 60) * 2 : 16 + (random >> 61));
  prefix.address.family = ipv6 ? Family::ipv6 : Family::ipv4;
  for (int i = 0; i < 8; ++i) {
    if (ipv6 || i < 4) {
      prefix.address.bytes[static_cast<std::size_t>(i)] =
          static_cast<std::uint8_t>(random >> (8 * (6 - i % 7)));
    }
  }
  prefix.address.bytes[0] =
      static_cast<std::uint8_t>(ipv6 ? 0x20 : prefix.address.bytes[0] % 200 + 11);
  prefix.address = to_address(prefix.address.family, to_bits(prefix.address) & mask(prefix.length));
  return prefix;
}

double milliseconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

TEST(FibBuilderTime, AHundredThousandRoutes) {
  config::Config config;
  config.ports.resize(1);
  config.ports[0].name = "wan";
  config.wireguard.resize(1);
  config.wireguard[0].name = "wg0";
  std::uint64_t serial = 0;
  FibBuilder fib(
      {[&](const abi::CommandBody&) { return ++serial; }, [](std::uint16_t, const Address&) {}});
  fib.configure(config, 1);
  fib.apply(Link{kWan, "wan", true, 1500});
  fib.apply(Link{kWg0, "wg0", true, 1420});
  fib.apply(Synchronised{});
  std::uint64_t state = 42;
  std::set<Prefix> prefixes;
  while (prefixes.size() < 100000) {
    prefixes.insert(random_prefix(&state, prefixes.size() % 4 == 3));
  }
  std::vector<KernelRoute> routes;
  for (const Prefix& prefix : prefixes) {
    KernelRoute route;
    route.destination = prefix;
    route.link = prefix.address.bytes[1] % 2 == 0 ? kWan : kWg0;
    route.gateway = route.link == kWan ? ip("192.0.2.254") : Address{};
    routes.push_back(route);
  }
  for (std::uint32_t peer = 0; peer < 1000; ++peer) {
    fib.add_allowed_ip(0, peer, routes[peer * 97].destination);
    Address endpoint = ip("198.51.0.0");
    endpoint.bytes[2] = static_cast<std::uint8_t>(peer >> 8);
    endpoint.bytes[3] = static_cast<std::uint8_t>(peer);
    fib.set_endpoint(peer, endpoint);
  }
  const double build = milliseconds_of([&] {
    for (const KernelRoute& route : routes) {
      fib.apply(RouteAdded{route});
    }
    fib.attach(2, 1);
  });
  EXPECT_GE(fib.counters().prefixes, 100000U);

  std::vector<double> changes;
  for (std::size_t i = 0; i < 1000; ++i) {
    const KernelRoute& route = routes[i * 89];
    changes.push_back(milliseconds_of([&] {
      fib.apply(RouteGone{route});
      fib.flush(3);
      fib.apply(RouteAdded{route});
      fib.flush(3);
    }));
  }
  std::ranges::sort(changes);
  const double typical = changes[changes.size() / 2] / 2;
  const auto before = serial;
  const double default_allowed = milliseconds_of([&] {
    fib.add_allowed_ip(0, 7, net("0.0.0.0/0"));
    fib.flush(4);
  });
  RecordProperty("build_ms", std::to_string(build));
  std::printf("build %.0f ms, a change %.4f ms (median), /0 to a peer %.1f ms and %llu commands\n",
              build, typical, default_allowed, static_cast<unsigned long long>(serial - before));
  // Far below on a quiet machine; sanitizers and neighbours take their share.
  EXPECT_LT(build, 10000);
  EXPECT_LT(typical, 1);
}

}  // namespace
}  // namespace gotthard::route::test
