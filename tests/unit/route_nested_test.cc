// Endpoints that lie behind other tunnels.
#include <gtest/gtest.h>

#include "tests/unit/route_fixture.h"

namespace gotthard::route::test {
namespace {

// wg0 and four more; peer n is the peer of interface n.
class NestedTest : public FibBuilderFixture {
 protected:
  static constexpr int kFirstMore = 20;
  NestedTest() {
    for (int i = 1; i < 6; ++i) {
      config::WireGuard more;
      more.name = "wg" + std::to_string(i);
      config_.wireguard.push_back(more);
    }
    start();
    for (int i = 1; i < 6; ++i) {
      fib_.apply(Link{kFirstMore + i, "wg" + std::to_string(i), true, 1420U - 60U * i});
      address(kFirstMore + i, "172.31." + std::to_string(i) + ".1/30");
    }
    flush();
  }
  static int link(int interface) { return interface == 0 ? kWg0 : kFirstMore + interface; }
  void allow(std::uint16_t interface, const std::string& prefix) {
    fib_.add_allowed_ip(interface, interface, net(prefix));
    route(prefix, link(interface));
  }
  void endpoint(std::uint16_t interface, const std::string& address) {
    fib_.set_endpoint(interface, interface, ip(address));
  }
  std::uint32_t through(std::uint32_t peer) {
    const auto resolved = fib_.endpoint(peer);
    EXPECT_TRUE(resolved.has_value()) << peer;
    return resolved ? resolved->through : abi::kNoPeer;
  }
};

TEST_F(NestedTest, AnEndpointMayBeBehindAnotherTunnel) {
  allow(0, "10.2.0.0/16");
  endpoint(0, "192.0.2.2");
  endpoint(1, "10.2.0.5");
  flush();
  EXPECT_EQ(through(0), abi::kNoPeer);
  EXPECT_EQ(through(1), 0U);
  EXPECT_EQ(fib_.endpoint(1)->local, ip("172.31.0.1"));
  EXPECT_EQ(fib_.endpoint(1)->mtu, 1420);
  EXPECT_EQ(fib_.endpoint(1)->neighbour, abi::kNoNeighbour);
  const auto once = fib_.resolve_endpoint(1, ip("10.2.0.5"), now_);
  EXPECT_EQ(once, fib_.endpoint(1));
  // Its own tunnel it is not.
  EXPECT_EQ(fib_.resolve_endpoint(0, ip("10.2.0.5"), now_), std::nullopt);
}

TEST_F(NestedTest, FollowsAllowedIpsAndRoutes) {
  allow(0, "10.2.0.0/16");
  endpoint(0, "192.0.2.2");
  endpoint(1, "10.2.0.5");
  flush();
  (void)fib_.take_changed_endpoints();
  fib_.add_allowed_ip(0, 9, net("10.2.0.0/24"));
  flush();
  EXPECT_EQ(through(1), 9U);
  EXPECT_EQ(fib_.take_changed_endpoints(), std::vector<std::uint32_t>{1});
  fib_.remove_allowed_ip(0, 9, net("10.2.0.0/24"));
  fib_.remove_allowed_ip(0, 0, net("10.2.0.0/16"));
  flush();
  EXPECT_EQ(fib_.endpoint(1), std::nullopt);  // nobody there has it
  route("10.2.0.5/32", kWan, "192.0.2.254");
  flush();
  EXPECT_EQ(through(1), abi::kNoPeer);
  EXPECT_EQ(fib_.endpoint(1)->port, 0);
}

TEST_F(NestedTest, TunnelsInEachOtherGoAroundAll) {
  route("0.0.0.0/0", kWan, "192.0.2.254", 100);
  allow(0, "10.2.0.0/16");
  allow(1, "10.3.0.0/16");
  endpoint(0, "10.3.0.1");
  endpoint(1, "10.2.0.1");
  flush();
  EXPECT_EQ(through(0), abi::kNoPeer);
  EXPECT_EQ(through(1), abi::kNoPeer);
  EXPECT_EQ(plane_.neighbours().at(fib_.endpoint(0)->neighbour).address, ip("192.0.2.254"));
  // A third one that leads there is in no loop.
  endpoint(2, "10.2.0.9");
  flush();
  EXPECT_EQ(through(2), 0U);
  // The loop ends: what it was is as it would have been.
  endpoint(1, "192.0.2.2");
  flush();
  EXPECT_EQ(through(0), 1U);
  EXPECT_EQ(through(1), abi::kNoPeer);
}

TEST_F(NestedTest, FourTunnelsAreTheMost) {
  endpoint(0, "192.0.2.2");
  for (std::uint16_t i = 0; i < 5; ++i) {
    allow(i, "10." + std::to_string(100 + i) + ".0.0/16");
    endpoint(static_cast<std::uint16_t>(i + 1), "10." + std::to_string(100 + i) + ".0.1");
  }
  flush();
  for (std::uint32_t i = 1; i < 4; ++i) {
    EXPECT_EQ(through(i), i - 1);
  }
  EXPECT_EQ(fib_.endpoint(4), std::nullopt);
  // The fifth finds a shorter way.
  route("10.103.0.1/32", kWan, "192.0.2.254");
  flush();
  EXPECT_EQ(through(4), abi::kNoPeer);
  EXPECT_EQ(through(5), 4U);
}

}  // namespace
}  // namespace gotthard::route::test
