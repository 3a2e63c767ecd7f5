// Examples of how endpoints and neighbours are resolved.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/route_fixture.h"

namespace gotthard::route::test {
namespace {

using abi::HopKind;
using FibEndpointTest = FibBuilderFixture;

TEST_F(FibEndpointTest, EndpointsAvoidTunnels) {
  start();
  route("0.0.0.0/0", kWg0);
  route("0.0.0.0/0", kWan, "192.0.2.254", 100);
  flush();
  fib_.set_endpoint(0, 1, ip("203.0.113.9"));
  fib_.set_endpoint(0, 2, ip("192.0.2.2"));
  fib_.set_endpoint(0, 3, ip("2001:db8::2"));
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

TEST_F(FibEndpointTest, EndpointsThatCannotBe) {
  start();
  for (const char* bad : {"192.0.2.1", "192.0.2.255", "192.0.2.0", "224.0.0.1", "fe80::1",
                          "ff02::1", "172.31.0.2", "198.51.100.1"}) {
    fib_.set_endpoint(0, 1, ip(bad));
    EXPECT_EQ(fib_.endpoint(1), std::nullopt) << bad;
    EXPECT_EQ(fib_.resolve_endpoint(0, ip(bad), now_), std::nullopt) << bad;
  }
}

TEST_F(FibEndpointTest, ThePeerIsAnsweredByTheAddressThatItKnowsWhileThatIsOurs) {
  start();
  address(kWan, "192.0.2.77/25");
  flush();
  fib_.set_endpoint(0, 1, ip("192.0.2.2"), ip("192.0.2.77"));
  fib_.set_endpoint(0, 2, ip("192.0.2.2"), ip("198.51.100.77"));
  ASSERT_TRUE(fib_.endpoint(1) && fib_.endpoint(2));
  EXPECT_EQ(fib_.endpoint(1)->local, ip("192.0.2.77"));
  EXPECT_EQ(fib_.endpoint(2)->local, ip("192.0.2.1")) << "never was ours";
  fib_.apply(LocalAddressGone{kWan, ip("192.0.2.77"), 25});
  flush();
  EXPECT_THAT(fib_.take_changed_endpoints(), testing::ElementsAre(1));
  EXPECT_EQ(fib_.endpoint(1)->local, ip("192.0.2.1"));
}

TEST_F(FibEndpointTest, SourceAddressesFollowTheirNetworkAndPreference) {
  start();
  address(kWan, "198.51.100.1/24");
  route("198.51.100.0/24", kWan);
  KernelRoute preferred = make_route("203.0.113.0/24", kWan, "192.0.2.254");
  preferred.source = ip("10.1.0.1");
  fib_.apply(RouteAdded{preferred});
  flush();
  fib_.set_endpoint(0, 1, ip("198.51.100.9"));
  fib_.set_endpoint(0, 2, ip("203.0.113.9"));
  EXPECT_EQ(fib_.endpoint(1)->local, ip("198.51.100.1"));
  EXPECT_EQ(fib_.endpoint(2)->local, ip("10.1.0.1"));
  // The preferred one is not ours any more.
  fib_.apply(LocalAddressGone{kLan, ip("10.1.0.1"), 24});
  flush();
  EXPECT_THAT(fib_.take_changed_endpoints(), testing::ElementsAre(2));
  EXPECT_EQ(fib_.endpoint(2)->local, ip("192.0.2.1"));
}

TEST_F(FibEndpointTest, APassingEndpointKeepsItsNeighbourForAMinute) {
  start();
  const auto resolved = fib_.resolve_endpoint(0, ip("192.0.2.77"), now_);
  ASSERT_TRUE(resolved.has_value());
  EXPECT_EQ(resolved, fib_.resolve_endpoint(0, ip("192.0.2.77"), now_));
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

TEST_F(FibEndpointTest, NeededNeighboursAreAskedForWhereTheyCanBe) {
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

TEST_F(FibEndpointTest, AskingIsLimited) {
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

TEST_F(FibEndpointTest, StaleNeighboursInUseAreRefreshed) {
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

}  // namespace
}  // namespace gotthard::route::test
