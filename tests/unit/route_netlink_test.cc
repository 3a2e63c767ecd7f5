// The netlink parser and follower on constructed messages: no kernel needed.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "control/route/netlink_follower.h"
#include "control/route/netlink_parser.h"
#include "tests/unit/route_view.h"

namespace gotthard::route::test {
namespace {

using Bytes = std::vector<std::byte>;

Address ip(const std::string& text) {
  Address address;
  const bool ipv6 = text.find(':') != std::string::npos;
  address.family = ipv6 ? abi::Family::ipv6 : abi::Family::ipv4;
  EXPECT_EQ(inet_pton(ipv6 ? AF_INET6 : AF_INET, text.c_str(), address.bytes.data()), 1);
  return address;
}

template <typename T>
Bytes raw(const T& value) {
  Bytes bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}
Bytes raw_address(const std::string& text) {
  const Address address = ip(text);
  Bytes bytes(address.family == abi::Family::ipv4 ? 4 : 16);
  std::memcpy(bytes.data(), address.bytes.data(), bytes.size());
  return bytes;
}

void append_aligned(Bytes* to, const Bytes& bytes) {
  to->insert(to->end(), bytes.begin(), bytes.end());
  to->resize((to->size() + 3) & ~std::size_t{3});
}
Bytes attribute(std::uint16_t type, const Bytes& value) {
  rtattr header{};
  header.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(value.size()));
  header.rta_type = type;
  Bytes bytes = raw(header);
  append_aligned(&bytes, value);
  return bytes;
}

template <typename Body>
Bytes message(std::uint16_t type, const Body& body, const std::vector<Bytes>& attributes,
              std::uint16_t flags = 0, std::uint32_t sequence = 0) {
  Bytes bytes(sizeof(nlmsghdr));
  append_aligned(&bytes, raw(body));
  for (const Bytes& entry : attributes) {
    append_aligned(&bytes, entry);
  }
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(bytes.size());
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  header.nlmsg_seq = sequence;
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

Bytes name(const std::string& text) {
  Bytes bytes(text.size() + 1);
  std::memcpy(bytes.data(), text.c_str(), bytes.size());
  return bytes;
}
Bytes link_message(int index, const std::string& text, unsigned flags = IFF_UP,
                   std::uint16_t type = RTM_NEWLINK) {
  ifinfomsg body{};
  body.ifi_index = index;
  body.ifi_flags = flags;
  return message(
      type, body,
      {attribute(IFLA_IFNAME, name(text)), attribute(IFLA_MTU, raw(std::uint32_t{1500}))});
}
Bytes route_message(const std::string& destination, std::uint8_t length, std::uint32_t link,
                    std::vector<Bytes> more = {}, std::uint16_t type = RTM_NEWROUTE,
                    std::uint16_t flags = 0) {
  rtmsg body{};
  body.rtm_family = destination.find(':') == std::string::npos ? AF_INET : AF_INET6;
  body.rtm_dst_len = length;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_type = RTN_UNICAST;
  body.rtm_protocol = RTPROT_STATIC;
  if (length > 0) {
    more.push_back(attribute(RTA_DST, raw_address(destination)));
  }
  if (link != 0) {
    more.push_back(attribute(RTA_OIF, raw(link)));
  }
  return message(type, body, more, flags);
}
Bytes hop(int link, const std::vector<Bytes>& attributes, std::uint8_t flags = 0) {
  Bytes bytes(sizeof(rtnexthop));
  for (const Bytes& entry : attributes) {
    append_aligned(&bytes, entry);
  }
  rtnexthop header{};
  header.rtnh_len = static_cast<std::uint16_t>(bytes.size());
  header.rtnh_ifindex = link;
  header.rtnh_flags = flags;
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}
Bytes joined(const std::vector<Bytes>& parts) {
  Bytes bytes;
  for (const Bytes& part : parts) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}
Bytes neighbour_message(int link, const std::string& address, std::uint16_t state, const Bytes& mac,
                        std::uint16_t type = RTM_NEWNEIGH) {
  ndmsg body{};
  body.ndm_family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  body.ndm_ifindex = link;
  body.ndm_state = state;
  std::vector<Bytes> attributes{attribute(NDA_DST, raw_address(address))};
  if (!mac.empty()) {
    attributes.push_back(attribute(NDA_LLADDR, mac));
  }
  return message(type, body, attributes);
}
Bytes address_message(int link, const std::string& address, std::uint8_t length,
                      std::uint32_t flags = 0, std::uint16_t type = RTM_NEWADDR) {
  ifaddrmsg body{};
  body.ifa_family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  body.ifa_prefixlen = length;
  body.ifa_index = static_cast<std::uint32_t>(link);
  return message(type, body,
                 {attribute(IFA_ADDRESS, raw_address(address)), attribute(IFA_FLAGS, raw(flags))});
}

const Bytes kMac = raw(std::array<std::uint8_t, 6>{2, 0, 0, 0, 0, 7});

ParsedMessage parse(const Bytes& bytes) {
  ParsedMessage result = Ignored::malformed;
  int count = 0;
  EXPECT_TRUE(for_each_message(bytes, [&](const NetlinkMessage& message) {
    ++count;
    result = parse_message(message);
  }));
  EXPECT_EQ(count, 1);
  return result;
}
KernelRoute parsed_route(const Bytes& bytes) {
  const ParsedMessage parsed = parse(bytes);
  const auto* route = std::get_if<RouteMessage>(&parsed);
  EXPECT_NE(route, nullptr);
  return route == nullptr ? KernelRoute{} : route->route;
}

TEST(NetlinkParser, Links) {
  EXPECT_EQ(parse(link_message(3, "wan")), ParsedMessage(Link{3, "wan", true, 1500}));
  EXPECT_EQ(parse(link_message(3, "wan", 0)), ParsedMessage(Link{3, "wan", false, 1500}));
  EXPECT_EQ(parse(link_message(3, "wan", 0, RTM_DELLINK)), ParsedMessage(LinkGone{3}));
  // Without its ending zero, too long, empty.
  ifinfomsg body{};
  body.ifi_index = 3;
  for (const Bytes& bad :
       {Bytes(3, std::byte{'a'}), name("a-name-of-16-chars"), name(""), Bytes{}}) {
    EXPECT_EQ(parse(message(RTM_NEWLINK, body, {attribute(IFLA_IFNAME, bad)})),
              ParsedMessage(Ignored::malformed));
  }
  body.ifi_family = AF_BRIDGE;
  EXPECT_EQ(parse(message(RTM_DELLINK, body, {})), ParsedMessage(Ignored::irrelevant));
}

TEST(NetlinkParser, Addresses) {
  EXPECT_EQ(parse(address_message(3, "192.0.2.1", 24)),
            ParsedMessage(LocalAddress{3, ip("192.0.2.1"), 24, true}));
  EXPECT_EQ(parse(address_message(3, "2001:db8::1", 64, IFA_F_TENTATIVE)),
            ParsedMessage(LocalAddress{3, ip("2001:db8::1"), 64, false}));
  EXPECT_EQ(parse(address_message(3, "2001:db8::1", 64, IFA_F_DADFAILED | IFA_F_TENTATIVE)),
            ParsedMessage(LocalAddressGone{3, ip("2001:db8::1"), 64}));
  EXPECT_EQ(parse(address_message(3, "192.0.2.1", 24, 0, RTM_DELADDR)),
            ParsedMessage(LocalAddressGone{3, ip("192.0.2.1"), 24}));
  EXPECT_EQ(parse(address_message(3, "192.0.2.1", 33)), ParsedMessage(Ignored::malformed));
  // Point to point: IFA_LOCAL is ours.
  ifaddrmsg body{};
  body.ifa_family = AF_INET;
  body.ifa_prefixlen = 32;
  body.ifa_index = 3;
  EXPECT_EQ(parse(message(RTM_NEWADDR, body,
                          {attribute(IFA_ADDRESS, raw_address("192.0.2.2")),
                           attribute(IFA_LOCAL, raw_address("192.0.2.1"))})),
            ParsedMessage(LocalAddress{3, ip("192.0.2.1"), 32, true}));
}

TEST(NetlinkParser, Routes) {
  const KernelRoute route = parsed_route(
      route_message("10.2.0.0", 16, 3,
                    {attribute(RTA_GATEWAY, raw_address("192.0.2.254")),
                     attribute(RTA_PRIORITY, raw(std::uint32_t{7})),
                     attribute(RTA_PREFSRC, raw_address("192.0.2.1")),
                     attribute(RTA_METRICS, attribute(RTAX_MTU, raw(std::uint32_t{1400})))}));
  EXPECT_EQ(route.destination, (Prefix{ip("10.2.0.0"), 16}));
  EXPECT_EQ(route.gateway, ip("192.0.2.254"));
  EXPECT_EQ(route.metric, 7U);
  EXPECT_EQ(route.source, ip("192.0.2.1"));
  EXPECT_EQ(route.mtu, 1400U);
  EXPECT_EQ(route.link, 3);
  EXPECT_EQ(route.protocol, RTPROT_STATIC);
  EXPECT_EQ(parsed_route(route_message("0.0.0.0", 0, 3)).destination, (Prefix{ip("0.0.0.0"), 0}));
  EXPECT_EQ(parsed_route(route_message("::", 0, 3)).destination, (Prefix{ip("::"), 0}));

  // IPv4 by an IPv6 gateway.
  const Bytes via = joined({raw(std::uint16_t{AF_INET6}), raw_address("fe80::9")});
  EXPECT_EQ(parsed_route(route_message("10.2.0.0", 16, 3, {attribute(RTA_VIA, via)})).gateway,
            ip("fe80::9"));
}

TEST(NetlinkParser, RoutesThatAreNotFollowed) {
  const auto expect = [](const Bytes& bytes, Ignored ignored) {
    EXPECT_EQ(parse(bytes), ParsedMessage(ignored));
  };
  expect(route_message("10.2.0.0", 16, 3, {attribute(RTA_TABLE, raw(std::uint32_t{255}))}),
         Ignored::irrelevant);
  expect(route_message("10.2.0.0", 33, 3), Ignored::malformed);
  expect(route_message("10.2.0.1", 16, 3), Ignored::malformed);
  expect(route_message("10.2.0.0", 16, 0), Ignored::unsupported);
  expect(route_message("10.2.0.0", 16, 3, {attribute(RTA_GATEWAY, Bytes(3))}), Ignored::malformed);
  expect(route_message("10.2.0.0", 16, 3, {attribute(RTA_GATEWAY, Bytes(16))}), Ignored::malformed);
  expect(route_message("10.2.0.0", 16, 3, {attribute(RTA_VIA, Bytes(1))}), Ignored::malformed);
  expect(route_message("10.2.0.0", 16, 3, {attribute(RTA_VIA, Bytes(6, std::byte{77}))}),
         Ignored::malformed);
  expect(route_message("10.2.0.0", 16, 3, {attribute(RTA_PREFSRC, Bytes(5))}), Ignored::malformed);
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_type = RTN_MULTICAST;
  expect(message(RTM_NEWROUTE, body, {}), Ignored::unsupported);
  body.rtm_type = RTN_UNICAST;
  body.rtm_family = AF_MPLS;
  expect(message(RTM_NEWROUTE, body, {}), Ignored::irrelevant);
  body.rtm_family = AF_INET6;
  body.rtm_flags = RTM_F_CLONED;
  expect(message(RTM_NEWROUTE, body, {}), Ignored::irrelevant);
  body.rtm_flags = 0;
  body.rtm_src_len = 64;
  expect(message(RTM_NEWROUTE, body, {}), Ignored::unsupported);
}

TEST(NetlinkParser, BlackholesHaveNoLink) {
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_table = RT_TABLE_MAIN;
  for (const auto& [type, expected] : {std::pair{RTN_BLACKHOLE, RouteType::blackhole},
                                       {RTN_UNREACHABLE, RouteType::unreachable},
                                       {RTN_PROHIBIT, RouteType::unreachable},
                                       {RTN_THROW, RouteType::unreachable}}) {
    body.rtm_type = static_cast<unsigned char>(type);
    // IPv6 names the loopback device.
    const KernelRoute route =
        parsed_route(message(RTM_NEWROUTE, body, {attribute(RTA_OIF, raw(std::uint32_t{1}))}));
    EXPECT_EQ(route.type, expected);
    EXPECT_EQ(route.link, 0);
  }
}

TEST(NetlinkParser, MultipathTakesTheFirstLivingHop) {
  const Bytes hops =
      joined({hop(3, {attribute(RTA_GATEWAY, raw_address("192.0.2.1"))}, RTNH_F_DEAD),
              hop(4, {attribute(RTA_GATEWAY, raw_address("192.0.2.2"))}), hop(5, {})});
  const ParsedMessage parsed =
      parse(route_message("10.2.0.0", 16, 0, {attribute(RTA_MULTIPATH, hops)}));
  const auto* route = std::get_if<RouteMessage>(&parsed);
  ASSERT_NE(route, nullptr);
  EXPECT_TRUE(route->multipath);
  EXPECT_EQ(route->route.link, 4);
  EXPECT_EQ(route->route.gateway, ip("192.0.2.2"));

  Bytes cut = hops;
  cut.resize(cut.size() - 4);
  EXPECT_EQ(parse(route_message("10.2.0.0", 16, 0, {attribute(RTA_MULTIPATH, cut)})),
            ParsedMessage(Ignored::malformed));
  Bytes endless = hop(3, {});
  endless[0] = std::byte{0};  // a length that goes nowhere
  endless[1] = std::byte{0};
  EXPECT_EQ(parse(route_message("10.2.0.0", 16, 0, {attribute(RTA_MULTIPATH, endless)})),
            ParsedMessage(Ignored::malformed));
}

TEST(NetlinkParser, Neighbours) {
  const Mac mac{2, 0, 0, 0, 0, 7};
  for (const auto& [state, expected] : {std::pair{NUD_REACHABLE, Reachability::reachable},
                                        {NUD_PERMANENT, Reachability::reachable},
                                        {NUD_DELAY, Reachability::reachable},
                                        {NUD_PROBE, Reachability::reachable},
                                        {NUD_STALE, Reachability::stale}}) {
    EXPECT_EQ(parse(neighbour_message(3, "10.1.0.7", static_cast<std::uint16_t>(state), kMac)),
              ParsedMessage(Neighbour{3, ip("10.1.0.7"), mac, expected}));
  }
  EXPECT_EQ(parse(neighbour_message(3, "fe80::7", NUD_FAILED, {})),
            ParsedMessage(Neighbour{3, ip("fe80::7"), {}, Reachability::failed}));
  EXPECT_EQ(parse(neighbour_message(3, "fe80::7", NUD_INCOMPLETE, {})),
            ParsedMessage(Neighbour{3, ip("fe80::7"), {}, Reachability::incomplete}));
  EXPECT_EQ(parse(neighbour_message(3, "10.1.0.7", NUD_STALE, kMac, RTM_DELNEIGH)),
            ParsedMessage(NeighbourGone{3, ip("10.1.0.7")}));
  // Groups, links without Ethernet addresses, nothing at all.
  EXPECT_EQ(parse(neighbour_message(3, "10.1.0.255", NUD_NOARP, Bytes(6, std::byte{0xff}))),
            ParsedMessage(Ignored::irrelevant));
  EXPECT_EQ(parse(neighbour_message(3, "10.1.0.7", NUD_NOARP, Bytes(8))),
            ParsedMessage(Ignored::irrelevant));
  EXPECT_EQ(parse(neighbour_message(3, "10.1.0.7", NUD_REACHABLE, {})),
            ParsedMessage(Ignored::irrelevant));
  EXPECT_EQ(parse(neighbour_message(0, "10.1.0.7", NUD_REACHABLE, kMac)),
            ParsedMessage(Ignored::malformed));
}

// Cut anywhere, also with a header that claims the cut length: no crash, and nothing made up.
TEST(NetlinkParser, TruncatedMessages) {
  const std::vector<Bytes> messages{
      link_message(3, "wan"), address_message(3, "2001:db8::1", 64),
      route_message("10.2.0.0", 16, 3, {attribute(RTA_GATEWAY, raw_address("192.0.2.254"))}),
      route_message(
          "10.2.0.0", 16, 0,
          {attribute(RTA_MULTIPATH, hop(4, {attribute(RTA_GATEWAY, raw_address("192.0.2.2"))}))}),
      neighbour_message(3, "10.1.0.7", NUD_REACHABLE, kMac)};
  for (const Bytes& whole : messages) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(for_each_message(cut, [](const NetlinkMessage&) { FAIL(); }), size == 0);
      if (size >= sizeof(nlmsghdr)) {
        const auto claimed = static_cast<std::uint32_t>(size);
        std::memcpy(cut.data(), &claimed, sizeof(claimed));
        EXPECT_TRUE(for_each_message(
            cut, [](const NetlinkMessage& message) { (void)parse_message(message); }));
      }
    }
  }
}

RC_GTEST_PROP(NetlinkParserProperty, AnyBytesDoNoHarm, (const std::vector<std::uint8_t>& noise)) {
  Bytes whole = route_message("10.2.0.0", 16, 3, {attribute(RTA_GATEWAY, raw_address("1.2.3.4"))});
  for (std::size_t i = 0; i < noise.size(); ++i) {
    whole[(i * 7 + noise[i]) % whole.size()] ^= static_cast<std::byte>(noise[i]);
  }
  (void)for_each_message(whole,
                         [](const NetlinkMessage& message) { (void)parse_message(message); });
}

// ---------------------------------------------------------------- the follower

class NetlinkFollowerTest : public testing::Test {
 protected:
  NetlinkFollowerTest()
      : follower_([this](const Change& change) { view_.take(change); },
                  [this](std::span<const std::byte> bytes) {
                    nlmsghdr header{};
                    std::memcpy(&header, bytes.data(), sizeof(header));
                    EXPECT_EQ(header.nlmsg_len, bytes.size());
                    requests_.push_back(header);
                    return send_works_;
                  }) {}

  void tell(const std::vector<Bytes>& messages) {
    follower_.on_datagram(joined(messages), true, now_);
  }
  Bytes done(std::uint16_t flags = 0) {
    return message(NLMSG_DONE, std::uint32_t{0}, {},
                   static_cast<std::uint16_t>(NLM_F_MULTI | flags), requests_.back().nlmsg_seq);
  }
  // Answers the running dump with these.
  void answer(const std::vector<Bytes>& messages, std::uint16_t flags = 0) {
    auto all = messages;
    all.push_back(done(flags));
    tell(all);
  }
  void synchronise() {
    follower_.start(now_);
    answer({link_message(3, "wan"), link_message(5, "wg0")});
    answer({address_message(3, "192.0.2.1", 24)});
    answer({route_message("192.0.2.0", 24, 3), route_message("10.2.0.0", 16, 5)});
    answer({});
    answer({neighbour_message(3, "192.0.2.9", NUD_STALE, kMac)});
  }

  View view_;
  bool send_works_ = true;
  std::vector<nlmsghdr> requests_;
  Nanoseconds now_ = 1000 * kSecond;
  NetlinkFollower follower_;
};

TEST_F(NetlinkFollowerTest, DumpsEverythingInOrder) {
  synchronise();
  std::vector<int> types;
  for (const nlmsghdr& request : requests_) {
    types.push_back(request.nlmsg_type);
    EXPECT_EQ(request.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
  }
  EXPECT_THAT(types, testing::ElementsAre(RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETROUTE,
                                          RTM_GETNEIGH));
  EXPECT_TRUE(follower_.synchronised());
  EXPECT_EQ(view_.synchronised, 1);
  EXPECT_EQ(view_.links.size(), 2U);
  EXPECT_EQ(view_.addresses.size(), 1U);
  EXPECT_EQ(view_.routes.size(), 2U);
  EXPECT_EQ(view_.neighbours.size(), 1U);
}

TEST_F(NetlinkFollowerTest, ADumpThatWasInterruptedIsRepeated) {
  follower_.start(now_);
  answer({link_message(3, "wan")}, NLM_F_DUMP_INTR);
  EXPECT_EQ(requests_.size(), 1U);
  follower_.on_time(now_ += kSecond);
  ASSERT_EQ(requests_.size(), 2U);
  EXPECT_EQ(requests_.back().nlmsg_type, RTM_GETLINK);
  EXPECT_EQ(follower_.counters().repeated, 1U);
}

TEST_F(NetlinkFollowerTest, ARefusedOrUnsentRequestIsRepeated) {
  send_works_ = false;
  follower_.start(now_);
  EXPECT_EQ(requests_.size(), 1U);
  send_works_ = true;
  follower_.on_time(now_ + kMillisecond);
  EXPECT_EQ(requests_.size(), 1U);
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), 2U);
  tell({message(NLMSG_ERROR, nlmsgerr{-EBUSY, {}}, {}, 0, requests_.back().nlmsg_seq)});
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), 3U);
  // No answer at all.
  EXPECT_EQ(follower_.next_time(), now_ + 10 * kSecond);
  follower_.on_time(now_ += 10 * kSecond);
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), 4U);
}

TEST_F(NetlinkFollowerTest, AnOverrunIsMadeUpForByDifferences) {
  synchronise();
  follower_.on_overrun(now_);
  answer({link_message(3, "wan", 0), link_message(6, "lan")});  // wg0 is gone
  answer({});
  answer({route_message("192.0.2.0", 24, 3), route_message("10.3.0.0", 16, 6)});
  answer({});
  answer({neighbour_message(3, "192.0.2.9", NUD_REACHABLE, kMac)});
  EXPECT_EQ(view_.synchronised, 2);
  EXPECT_EQ(view_.links.size(), 2U);
  EXPECT_FALSE(view_.links.at(3).up);
  EXPECT_TRUE(view_.addresses.empty());
  ASSERT_EQ(view_.routes.size(), 2U);
  EXPECT_EQ(view_.routes.begin()->destination, (Prefix{ip("10.3.0.0"), 16}));
  EXPECT_EQ(view_.neighbours.begin()->second.state, Reachability::reachable);
}

TEST_F(NetlinkFollowerTest, AnOverrunDuringADumpRepeatsIt) {
  follower_.start(now_);
  tell({link_message(3, "wan")});
  follower_.on_overrun(now_);
  EXPECT_EQ(requests_.size(), 1U);  // the kernel runs one dump at a time
  answer({});
  EXPECT_EQ(view_.links.size(), 1U);
  follower_.on_time(now_ += kSecond);
  ASSERT_EQ(requests_.size(), 2U);
  answer({});
  EXPECT_TRUE(view_.links.empty());
}

TEST_F(NetlinkFollowerTest, ALinkThatGoesDownMayTakeRoutesUnsaid) {
  synchronise();
  tell({link_message(5, "wg0", 0)});
  EXPECT_EQ(view_.routes.size(), 2U);
  follower_.on_time(now_ += kSecond);
  ASSERT_EQ(requests_.back().nlmsg_type, RTM_GETROUTE);
  answer({route_message("192.0.2.0", 24, 3)});
  answer({});
  EXPECT_EQ(view_.routes.size(), 1U);
  EXPECT_EQ(view_.synchronised, 1);
}

TEST_F(NetlinkFollowerTest, ReplacementIsFollowedWhereItIsCertain) {
  synchronise();
  tell({route_message("10.2.0.0", 16, 3, {attribute(RTA_GATEWAY, raw_address("192.0.2.254"))},
                      RTM_NEWROUTE, NLM_F_REPLACE)});
  ASSERT_EQ(view_.routes.size(), 2U);
  EXPECT_EQ(view_.routes.begin()->gateway, ip("192.0.2.254"));
  const auto before = requests_.size();
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), before);
  // Two of the same metric: which one was replaced is not said.
  tell({route_message("10.2.0.0", 16, 5)});
  tell({route_message("10.2.0.0", 16, 3, {}, RTM_NEWROUTE, NLM_F_REPLACE)});
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), before + 1);
}

TEST_F(NetlinkFollowerTest, RemovalOfOneOfSeveralHopsAsksAgain) {
  synchronise();
  const Bytes hops = joined({hop(3, {attribute(RTA_GATEWAY, raw_address("192.0.2.2"))}),
                             hop(3, {attribute(RTA_GATEWAY, raw_address("192.0.2.3"))})});
  tell({route_message("10.4.0.0", 16, 0, {attribute(RTA_MULTIPATH, hops)})});
  EXPECT_EQ(view_.routes.size(), 3U);
  EXPECT_EQ(follower_.counters().multipath, 1U);
  tell({route_message("10.4.0.0", 16, 3, {attribute(RTA_GATEWAY, raw_address("192.0.2.2"))},
                      RTM_DELROUTE)});
  EXPECT_EQ(view_.routes.size(), 3U);
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.back().nlmsg_type, RTM_GETROUTE);
}

TEST_F(NetlinkFollowerTest, OthersThanTheKernelAreNotHeard) {
  synchronise();
  follower_.on_datagram(link_message(9, "evil"), false, now_);
  EXPECT_FALSE(view_.links.contains(9));
  EXPECT_EQ(follower_.counters().foreign, 1U);
}

TEST_F(NetlinkFollowerTest, AMalformedDatagramLeadsToADump) {
  synchronise();
  Bytes bad = link_message(9, "lan");
  bad.resize(bad.size() - 8);
  const auto before = requests_.size();
  follower_.on_datagram(bad, true, now_);
  EXPECT_EQ(follower_.counters().malformed, 1U);
  follower_.on_time(now_ += kSecond);
  EXPECT_EQ(requests_.size(), before + 1);
}

TEST_F(NetlinkFollowerTest, LooksAgainNowAndThen) {
  synchronise();
  const auto before = requests_.size();
  follower_.on_time(now_ += 299 * kSecond);
  EXPECT_EQ(requests_.size(), before);
  follower_.on_time(now_ += 2 * kSecond);
  EXPECT_EQ(requests_.size(), before + 1);
}

}  // namespace
}  // namespace gotthard::route::test
