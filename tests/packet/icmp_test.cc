// What senders are told of packets that the gateway could not carry.
#include <gtest/gtest.h>

#include "dataplane/wire/icmp.h"
#include "tests/packet/messages.h"

namespace gotthard::packet_test {
namespace {

struct Answer {
  std::string from;
  std::uint8_t type = 0, code = 0;
  std::uint32_t rest = 0;
  Bytes quote;
};

std::string text_of(const Bytes& raw) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  inet_ntop(raw.size() == 4 ? AF_INET : AF_INET6, raw.data(), buffer.data(), buffer.size());
  return buffer.data();
}

// Checks all that any such message must have.
Answer answer_in(const Bytes& packet, const std::string& to) {
  const bool v6 = packet.at(0) >> 4 == 6;
  const std::size_t header = v6 ? 40 : 20;
  EXPECT_EQ(text_of(v6 ? cut(packet, 24, 16) : cut(packet, 16, 4)), to);
  EXPECT_EQ(packet[v6 ? 6 : 9], v6 ? 58 : 1);
  EXPECT_EQ(packet[v6 ? 7 : 8], 64) << "hop limit";
  const Bytes message = cut(packet, header);
  if (v6) {
    EXPECT_EQ(get16(packet, 4) + 40U, packet.size());
    Bytes pseudo = cut(packet, 8, 32);
    pseudo = cat(pseudo, {0, 58, static_cast<std::uint8_t>(message.size() >> 8),
                          static_cast<std::uint8_t>(message.size())});
    EXPECT_EQ(internet_sum(cat(pseudo, message)), 0);
    EXPECT_LE(packet.size(), 1280U);
  } else {
    EXPECT_EQ(get16(packet, 2), packet.size());
    EXPECT_EQ(internet_sum(cut(packet, 0, 20)), 0);
    EXPECT_EQ(internet_sum(message), 0);
    EXPECT_LE(packet.size(), 576U);
  }
  return {.from = text_of(v6 ? cut(packet, 8, 16) : cut(packet, 12, 4)),
          .type = message.at(0),
          .code = message.at(1),
          .rest = static_cast<std::uint32_t>(get16(message, 4) << 16 | get16(message, 6)),
          .quote = cut(message, 8)};
}

class Icmp : public testing::Test {
 protected:
  std::vector<Answer> to_lan(const Bytes& packet) {
    bench.receive_ip(kLan, packet);
    bench.run();
    std::vector<Answer> answers;
    for (const Bytes& frame : bench.sent(kLan)) {
      EXPECT_EQ(cut(frame, 0, 6), Bytes(kLanMac.begin(), kLanMac.end()));
      answers.push_back(answer_in(cut(frame, 14), packet[0] >> 4 == 6 ? "fd01::2" : "10.1.0.2"));
    }
    return answers;
  }
  void expect(const Bytes& packet, std::uint8_t type, std::uint8_t code, std::uint32_t rest = 0) {
    const auto answers = to_lan(packet);
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(answers[0].type, type);
    EXPECT_EQ(answers[0].code, code);
    EXPECT_EQ(answers[0].rest, rest);
    EXPECT_EQ(answers[0].from, packet[0] >> 4 == 6 ? "fd01::1" : "10.1.0.1");
    const std::size_t quoted = packet[0] >> 4 == 6 ? 1280 - 48 : 576 - 28;
    EXPECT_EQ(answers[0].quote, cut(packet, 0, quoted)) << "as it was received";
  }
  Bench bench;
  Keys keys = bench.install(0, kSession0);
};

Bytes big(bool v6) {
  return v6 ? udp("fd01::2", 1, "fd02::9", 2, Bytes(kTunnelMtu - 47))
            : with_df(udp("10.1.0.2", 1, "10.2.0.9", 2, Bytes(kTunnelMtu - 27)));
}

TEST_F(Icmp, TooBigSaysWhatFits) {
  expect(big(false), 3, 4, kTunnelMtu);
  expect(big(true), 2, 0, kTunnelMtu);
}

TEST_F(Icmp, ARouteMayHaveASmallerMtu) {
  bench.command(abi::NextHopSet{
      .next_hop = 20, .kind = abi::HopKind::tunnel, .interface = 0, .mtu = 1300, .peer = 0});
  bench.route("10.2.77.0", 24, 20);
  bench.commit();
  expect(with_df(udp("10.1.0.2", 1, "10.2.77.1", 2, Bytes(1300 - 27))), 3, 4, 1300);
  bench.receive_ip(kLan, udp("10.1.0.2", 1, "10.2.77.1", 2, Bytes(1300 - 28)));
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(open(keys.send, message_in(sent[0], false)).value().text.size(), 1300U)
      << "padding stops there too";
}

// As Linux answers for such routes.
TEST_F(Icmp, RoutesThatRefuse) {
  const auto route = [&](int n, std::uint32_t number, abi::HopKind kind) {
    bench.command(abi::NextHopSet{.next_hop = number, .kind = kind});
    bench.route("10.7" + std::to_string(n) + ".0.0", 16, number);
    bench.route("fd7" + std::to_string(n) + "::", 16, number);
  };
  route(0, 30, abi::HopKind::unreachable);
  route(1, 31, abi::HopKind::prohibit);
  route(2, 32, abi::HopKind::no_route);
  bench.commit();
  const auto four = [](int n) {
    return udp("10.1.0.2", 1, "10.7" + std::to_string(n) + ".0.1", 2, Bytes(100));
  };
  const auto six = [](int n) {
    return udp("fd01::2", 1, "fd7" + std::to_string(n) + "::1", 2, Bytes(100));
  };
  expect(four(0), 3, 1);
  expect(four(1), 3, 13);
  expect(four(2), 3, 0);
  expect(six(0), 1, 0);
  expect(six(1), 1, 1);
  expect(six(2), 1, 0);
  EXPECT_TRUE(to_lan(udp("10.1.0.2", 1, "10.5.0.1", 2, Bytes(100))).empty()) << "a blackhole";
}

TEST_F(Icmp, SpentHopsNoRouteNoPeerNoEndpoint) {
  expect(udp("10.1.0.2", 1, "10.2.0.9", 2, Bytes(100), 1), 11, 0);
  expect(udp("fd01::2", 1, "fd02::9", 2, Bytes(100), 1), 3, 0);
  expect(udp("10.1.0.2", 1, "10.66.0.1", 2, Bytes(100)), 3, 0);
  expect(udp("fd01::2", 1, "fd66::9", 2, Bytes(100)), 1, 0);
  expect(udp("10.1.0.2", 1, "10.8.0.1", 2, Bytes(100)), 3, 1);
  abi::PeerSet peer = bench.peer(0);
  peer.endpoint = {};
  bench.command(peer);
  bench.settle();
  const auto answers = to_lan(udp("10.1.0.2", 1, "10.2.0.9", 2, Bytes(100)));
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].type, 3);
  EXPECT_EQ(answers[0].code, 1);
}

TEST_F(Icmp, WaitsForItsNeighbourLikeAllElse) {
  bench.receive_ip(kLan, udp("10.6.0.1", 1, "10.66.0.1", 2, {}));
  bench.run();
  EXPECT_TRUE(bench.sent(kLan).empty());
  bench.route("10.6.0.1", 32, kToLan);
  bench.commit();
  bench.run();
  EXPECT_EQ(bench.sent(kLan).size(), 1U);
  EXPECT_EQ(bench.drops(Drop::no_route), 1U);
  EXPECT_EQ(bench.all_drops(), 1U);
}

TEST_F(Icmp, ABlackholeIsSilent) {
  EXPECT_TRUE(to_lan(udp("10.1.0.2", 1, "10.5.0.1", 2, {})).empty());
}

TEST_F(Icmp, GoesBackThroughTheTunnelItCameFrom) {
  bench.receive_sealed(
      0, seal(keys.receive, kSession0, 0, udp("10.2.0.9", 1, "10.66.0.1", 2, Bytes(64))));
  bench.run();
  const auto sent = bench.sent(kWan);
  ASSERT_EQ(sent.size(), 1U);
  Bytes text = open(keys.send, message_in(sent[0], false)).value().text;
  text.resize(get16(text, 2));
  const Answer answer = answer_in(text, "10.2.0.9");
  EXPECT_EQ(answer.from, "172.31.0.1");
  EXPECT_EQ(answer.type, 3);
  EXPECT_EQ(answer.code, 0);
}

TEST_F(Icmp, ALocalProcessLearnsThatThereIsNoPeer) {
  const Bytes packet = udp("172.31.0.1", 1, "10.77.0.9", 2, Bytes(30));
  bench.from_tun(packet);
  bench.run();
  const auto told = bench.at_tun();
  ASSERT_EQ(told.size(), 1U);
  const Answer answer = answer_in(told[0], "172.31.0.1");
  EXPECT_EQ(answer.from, "10.77.0.9") << "not from one of its own addresses";
  EXPECT_EQ(answer.type, 3);
  EXPECT_EQ(answer.code, 1);
  EXPECT_EQ(answer.quote, packet);
  EXPECT_EQ(bench.drops(Drop::no_peer), 1U);
}

TEST_F(Icmp, NothingAboutErrorsGroupsAndLaterFragments) {
  const auto no_way = [](Bytes packet) {  // to where there is no route
    return repaired(std::move(packet));
  };
  Bytes error(40);
  for (const std::uint8_t type : {3, 4, 5, 11, 12}) {
    error[0] = type;
    EXPECT_TRUE(to_lan(no_way(ip("10.1.0.2", "10.66.0.1", 1, error))).empty()) << unsigned{type};
  }
  for (const std::uint8_t type : {1, 2, 3, 4, 127, 137}) {
    error[0] = type;
    EXPECT_TRUE(to_lan(ip("fd01::2", "fd66::1", 58, error)).empty()) << unsigned{type};
    // The same behind a destination options header.
    const Bytes options{58, 0, 1, 4, 0, 0, 0, 0};
    EXPECT_TRUE(to_lan(ip("fd01::2", "fd66::1", 60, cat(options, error))).empty());
  }
  EXPECT_TRUE(to_lan(ip("10.1.0.2", "10.66.0.1", 1, {})).empty()) << "whatever type it had";
  EXPECT_TRUE(to_lan(as_piece(udp("10.1.0.2", 1, "10.66.0.1", 2, Bytes(40)), 80, false)).empty());
  const Bytes later{17, 0, 0, 88, 0, 0, 0, 1};
  EXPECT_TRUE(to_lan(ip("fd01::2", "fd66::1", 44, cat(later, Bytes(20)))).empty());
  // Informational messages are answered like all else.
  error[0] = 8;
  EXPECT_EQ(to_lan(ip("10.1.0.2", "10.66.0.1", 1, error)).size(), 1U);
  error[0] = 128;
  EXPECT_EQ(to_lan(ip("fd01::2", "fd66::1", 58, error)).size(), 1U);
}

// RFC 1812, 4.3.2.7; RFC 4443, 2.4 (e).
TEST_F(Icmp, NothingAboutWhatGoesToManyOrComesFromNoOne) {
  for (const char* to : {"224.0.0.5", "239.255.1.1", "255.255.255.255"}) {
    bench.from_tun(udp("172.31.0.1", 1, to, 2, Bytes(30)));
  }
  bench.from_tun(udp("fd01::1", 1, "ff02::5", 2, Bytes(30)));
  bench.from_tun(udp("fd01::1", 1, "ff05::1:3", 2, Bytes(30)));
  bench.run();
  EXPECT_EQ(bench.drops(Drop::no_peer), 5U);
  EXPECT_TRUE(bench.at_tun().empty());
  const auto answerable = [](const Bytes& packet) {
    return wire::may_answer(std::as_bytes(std::span(packet)));
  };
  EXPECT_TRUE(answerable(udp("10.1.0.2", 1, "10.2.0.9", 2, {})));
  for (const char* other : {"224.0.0.5", "255.255.255.255", "127.0.0.1", "0.0.0.0"}) {
    EXPECT_FALSE(answerable(udp("10.1.0.2", 1, other, 2, {}))) << other;
    EXPECT_FALSE(answerable(udp(other, 1, "10.1.0.2", 2, {}))) << other;
  }
  EXPECT_TRUE(answerable(udp("fd01::2", 1, "fd02::9", 2, {})));
  for (const char* other : {"ff02::5", "ff0e::1", "::1", "::"}) {
    EXPECT_FALSE(answerable(udp("fd01::2", 1, other, 2, {}))) << other;
    EXPECT_FALSE(answerable(udp(other, 1, "fd01::2", 2, {}))) << other;
  }
}

TEST_F(Icmp, NobodyOutThereIsToldAnything) {
  bench.receive_ip(kWan, udp("198.51.100.1", 1, "10.66.0.1", 2, Bytes(10)));
  bench.receive_ip(kWan, udp("198.51.100.1", 1, "10.1.0.2", 2, Bytes(10)));
  bench.run();
  EXPECT_TRUE(bench.sent(kWan).empty());
}

TEST_F(Icmp, IsLimitedForEachSource) {
  std::size_t answers = 0;
  for (int i = 0; i < 50; ++i) {
    answers += to_lan(udp("10.1.0.2", 1, "10.66.0.1", 2, {})).size();
  }
  EXPECT_GE(answers, 10U);
  EXPECT_LT(answers, 20U);
  EXPECT_EQ(bench.drops(Drop::no_route), 50U) << "each is counted";
  bench.receive_ip(kLan, udp("10.1.0.77", 1, "10.66.0.1", 2, {}));
  bench.run();
  EXPECT_EQ(bench.sent(kLan).size(), 1U) << "another source has its own";
}

TEST_F(Icmp, AnswersAreNotAnswered) {
  // The way back is as closed as the way there.
  bench.receive_ip(kLan, udp("10.67.0.1", 1, "10.66.0.1", 2, {}));
  bench.run();
  EXPECT_TRUE(bench.sent(kLan).empty());
  EXPECT_EQ(bench.drops(Drop::no_route), 2U);
}

}  // namespace
}  // namespace gotthard::packet_test
