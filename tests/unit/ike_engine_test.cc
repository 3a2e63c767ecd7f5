// How IKE SAs and children come up: IKE_SA_INIT and IKE_AUTH between two engines.
#include <gtest/gtest.h>

#include "control/ike/message/payloads.h"
#include "tests/unit/ike_pair.h"

namespace gotthard::ike::testing {
namespace {

std::size_t sent_of(const Network& network, ExchangeType exchange) {
  return static_cast<std::size_t>(std::ranges::count_if(network.log, [&](const Sent& sent) {
    return parse_header(sent.bytes)->exchange == exchange;
  }));
}

// The last text that goes with this cause.
std::string text_of(const Node& node, Cause cause) {
  std::string text;
  for (const Happened& one : node.events) {
    if (one.cause == cause) {
      text = one.text;
    }
  }
  return text;
}

TEST(IkeEngine, PresharedKeysBringUpAChild) {
  Pair pair;
  pair.establish();
  ASSERT_EQ(pair.left.established(), 1U);
  ASSERT_EQ(pair.right.established(), 1U);
  ASSERT_EQ(pair.left.installed.size(), 1U);
  ASSERT_EQ(pair.right.installed.size(), 1U);
  EXPECT_FALSE(pair.left.outbound("net")->udp);
  EXPECT_TRUE(pair.left.outbound("net")->suite.esn);
  EXPECT_EQ(sent_of(pair.network, ExchangeType::ike_sa_init), 2U);
  EXPECT_EQ(sent_of(pair.network, ExchangeType::ike_auth), 2U);
  pair.exchange_packets();
  EXPECT_EQ(pair.left.opened, 1U);
  EXPECT_EQ(pair.right.opened, 1U);
}

TEST(IkeEngine, EachSuiteWorks) {
  for (const char* ike :
       {"aes128gcm16-prfsha256-ecp256", "aes256gcm16-prfsha384-ecp384",
        "chacha20poly1305-prfsha512-x448", "aes256gcm16-prfsha512-ecp521",
        "aes128gcm16-prfsha256-modp2048", "aes256-sha256-modp3072", "aes128-sha384-x25519"}) {
    for (const char* esp : {"aes128gcm16", "chacha20poly1305-esn", "aes256-sha256", "aes256gmac"}) {
      SCOPED_TRACE(std::string(ike) + " " + esp);
      Pair pair;
      for (const bool is_left : {true, false}) {
        ConnectionSettings settings = Pair::settings(is_left);
        settings.proposals = proposals(Protocol::ike, {ike});
        settings.children[0].proposals = proposals(Protocol::esp, {esp});
        (is_left ? pair.left : pair.right).configure(std::move(settings));
      }
      pair.left.initiate();
      pair.run();
      ASSERT_EQ(pair.left.children(), 1U);
      pair.right.perform(pair.right.engine().rekey_child("peer", "net", pair.clock.now()));
      pair.run(12 * kSecond);
      EXPECT_EQ(pair.left.installed.size(), 1U);
      pair.exchange_packets();
    }
  }
}

TEST(IkeEngine, TheRespondersGroupIsTakenUp) {
  Pair pair;
  ConnectionSettings left = Pair::settings(true);
  left.proposals = proposals(Protocol::ike, {"aes256gcm16-prfsha256-x25519-ecp384"});
  ConnectionSettings right = Pair::settings(false);
  right.proposals = proposals(Protocol::ike, {"aes256gcm16-prfsha256-ecp384"});
  left.children[0].proposals = proposals(Protocol::esp, {"aes256gcm16-x25519-ecp256"});
  right.children[0].proposals = proposals(Protocol::esp, {"aes256gcm16-ecp256"});
  pair.left.configure(std::move(left));
  pair.right.configure(std::move(right));
  pair.left.initiate();
  pair.run();
  EXPECT_EQ(pair.left.children(), 1U);
  EXPECT_EQ(sent_of(pair.network, ExchangeType::ike_sa_init), 4U);
  pair.left.perform(pair.left.engine().rekey_child("peer", "net", pair.clock.now()));
  pair.run(12 * kSecond);
  ASSERT_EQ(pair.left.installed.size(), 1U);
  EXPECT_EQ(pair.left.installed.begin()->second.suite.group, GroupId::ecp256);
}

TEST(IkeEngine, AWrongKeyIsNamedOnBothSides) {
  Pair pair;
  ConnectionSettings left = Pair::settings(true);
  left.local_auth.psk = left.remote_auth.psk.clone();
  left.remote_auth.psk = secret("another");
  left.local_auth.psk = secret("another");
  pair.left.configure(std::move(left));
  pair.right.configure(Pair::settings(false));
  pair.left.initiate();
  pair.run();
  EXPECT_TRUE(pair.left.happened(Cause::authentication_refused));
  EXPECT_TRUE(pair.right.happened(Cause::psk_mismatch));
  EXPECT_TRUE(pair.left.engine().sas().empty());
  EXPECT_TRUE(pair.right.engine().sas().empty());
  EXPECT_TRUE(pair.left.spis_out.empty());
}

TEST(IkeEngine, EachSideHasAKeyOfItsOwn) {
  Pair pair;
  ConnectionSettings left = Pair::settings(true);
  left.local_auth.psk = secret("of the left");
  ConnectionSettings right = Pair::settings(false);
  right.remote_auth.psk = secret("of the left");
  pair.left.configure(std::move(left));
  pair.right.configure(std::move(right));
  pair.left.initiate();
  pair.run();
  EXPECT_EQ(pair.left.children(), 1U);
}

TEST(IkeEngine, TheRespondersIdentityIsChecked) {
  Pair pair;
  ConnectionSettings left = Pair::settings(true);
  left.remote_auth.id = *IdentityPattern::parse("*.else.example");  // IDr is not sent for a pattern
  pair.left.configure(std::move(left));
  pair.right.configure(Pair::settings(false));
  pair.left.initiate();
  pair.run();
  EXPECT_TRUE(pair.left.happened(Cause::wrong_identity));
  EXPECT_EQ(text_of(pair.left, Cause::wrong_identity), "right.example instead of *.else.example");
  EXPECT_EQ(pair.left.established() + pair.right.established(), 0U);
  EXPECT_TRUE(pair.right.installed.empty());
}

TEST(IkeEngine, TheInitiatorsIdentityChoosesTheConnection) {
  Pair pair;
  ConnectionSettings other = Pair::settings(false);
  other.name = "other";
  other.remotes.clear();
  other.remote_auth.id = *IdentityPattern::parse("*.example");
  other.remote_auth.psk = secret("not this one");
  pair.right.configure(std::move(other));
  pair.establish();
  ASSERT_EQ(pair.right.established(), 1U);
  EXPECT_EQ(pair.right.engine().sas().front().connection, "peer");

  Pair stranger;
  ConnectionSettings unknown = Pair::settings(true);
  unknown.local_auth.id = identity("nobody.example");
  stranger.left.configure(std::move(unknown));
  stranger.right.configure(Pair::settings(false));
  stranger.left.initiate();
  stranger.run();
  EXPECT_TRUE(stranger.right.happened(Cause::no_connection_for_identity));
}

TEST(IkeEngine, NoCommonProposalNamesBoth) {
  Pair pair;
  ConnectionSettings left = Pair::settings(true);
  left.proposals = proposals(Protocol::ike, {"aes128gcm16-prfsha256-ecp256"});
  pair.left.configure(std::move(left));
  pair.right.configure(Pair::settings(false));
  pair.left.initiate();
  pair.run();
  EXPECT_TRUE(pair.left.happened(Cause::no_common_proposal));
  EXPECT_EQ(text_of(pair.right, Cause::no_common_proposal),
            "ours aes256gcm16-prfsha256-x25519; theirs aes128gcm16-prfsha256-ecp256");
}

TEST(IkeEngine, WithoutACommonChildTheIkeSaStays) {
  Pair pair;
  ConnectionSettings left = Pair::settings(true);
  left.children[0].proposals = proposals(Protocol::esp, {"aes128gcm16"});
  pair.left.configure(std::move(left));
  pair.right.configure(Pair::settings(false));
  pair.left.initiate();
  pair.run();
  EXPECT_EQ(pair.left.established(), 1U);
  EXPECT_TRUE(pair.left.happened(Cause::no_common_child_proposal));
  EXPECT_TRUE(pair.right.happened(Cause::no_common_child_proposal));
  EXPECT_TRUE(pair.left.spis_out.empty() && pair.right.spis_out.empty());
}

TEST(IkeEngine, SelectorsAreNarrowedOrRefused) {
  Pair pair;
  ConnectionSettings left = Pair::settings(true);
  left.children[0].local_ts = {{.first = address(0, 0, 0, 0), .last = address(255, 255, 255, 255)}};
  left.children[0].remote_ts = left.children[0].local_ts;
  pair.left.configure(std::move(left));
  pair.right.configure(Pair::settings(false));
  pair.left.initiate();
  pair.run();
  const SaStatus sa = pair.left.engine().sas().front();
  ASSERT_EQ(sa.children.size(), 1U);
  EXPECT_EQ(sa.children[0].local_ts.selectors, std::vector{net(1)});
  EXPECT_EQ(sa.children[0].remote_ts.selectors, std::vector{net(2)});

  Pair apart;
  ConnectionSettings other = Pair::settings(true);
  other.children[0].remote_ts = {net(77)};
  apart.left.configure(std::move(other));
  apart.right.configure(Pair::settings(false));
  apart.left.initiate();
  apart.run();
  EXPECT_EQ(apart.left.established(), 1U);
  EXPECT_TRUE(apart.left.happened(Cause::ts_unacceptable));
  EXPECT_TRUE(apart.right.happened(Cause::ts_unacceptable));
}

TEST(IkeEngine, SeveralChildrenComeUpOverOneSa) {
  Pair pair;
  for (const bool is_left : {true, false}) {
    ConnectionSettings settings = Pair::settings(is_left);
    settings.children.push_back(Pair::child(is_left, "second", 11));
    settings.children.push_back(Pair::child(is_left, "third", 21));
    (is_left ? pair.left : pair.right).configure(std::move(settings));
  }
  pair.left.initiate("");
  pair.run();
  EXPECT_EQ(pair.left.established(), 1U);
  EXPECT_EQ(pair.right.installed.size(), 3U);
  for (const char* name : {"net", "second", "third"}) {
    EXPECT_EQ(pair.left.children(name), 1U);
    pair.left.send_packet(pair.right, name);
  }
  pair.run();
  EXPECT_EQ(pair.right.opened, 3U);
}

TEST(IkeEngine, TransportModeIsAgreedUpon) {
  for (const bool both : {true, false}) {
    Pair pair;
    for (const bool is_left : {true, false}) {
      ConnectionSettings settings = Pair::settings(is_left);
      settings.children[0].local_ts.clear();  // dynamic
      settings.children[0].remote_ts.clear();
      if (both || is_left) {
        settings.children[0].mode = ChildMode::transport;
      }
      (is_left ? pair.left : pair.right).configure(std::move(settings));
    }
    pair.left.initiate();
    pair.run();
    ASSERT_EQ(pair.left.installed.size(), 1U);
    EXPECT_EQ(pair.left.outbound("net")->transport, both);
    EXPECT_EQ(pair.right.outbound("net")->transport, both);
    const auto sa = pair.left.engine().sas().front();
    EXPECT_EQ(sa.children[0].local_ts.selectors[0].first, pair.left.own());
  }
}

// Its public address is 198.51.100.9; ports are others at each side of it.
void put_nat_before_left(Pair& pair, const abi::Address& outside, std::uint16_t* offset) {
  pair.network.middle = [&pair, outside, offset](Sent& sent) {
    if (sent.path.local == pair.left.own()) {
      sent.path.local = outside;
      sent.path.local_port = static_cast<std::uint16_t>(sent.path.local_port + *offset);
    } else if (sent.path.remote == outside) {
      sent.path.remote = pair.left.own();
      sent.path.remote_port = static_cast<std::uint16_t>(sent.path.remote_port - *offset);
    }
    return true;
  };
}

TEST(IkeEngine, ANatIsFoundAndItsChangesAreFollowed) {
  Pair pair;
  std::uint16_t offset = 1000;
  const abi::Address outside = address(198, 51, 100, 9);
  put_nat_before_left(pair, outside, &offset);
  ConnectionSettings right = Pair::settings(false);
  right.remotes.clear();
  pair.left.configure(Pair::settings(true));
  pair.right.configure(std::move(right));
  pair.left.initiate();
  pair.run();
  ASSERT_EQ(pair.left.children(), 1U);
  const SaStatus left = pair.left.engine().sas().front();
  const SaStatus right_sa = pair.right.engine().sas().front();
  EXPECT_TRUE(left.nat_here && !left.nat_there);
  EXPECT_TRUE(!right_sa.nat_here && right_sa.nat_there);
  EXPECT_TRUE(pair.left.outbound("net")->udp && pair.right.outbound("net")->udp);
  EXPECT_EQ(pair.right.outbound("net")->path.remote_port, 5500);
  EXPECT_TRUE(pair.network.log.back().marked);
  offset = 2000;  // the NAT was started anew
  pair.left.perform(pair.left.engine().rekey_child("peer", "net", pair.clock.now()));
  pair.run();
  EXPECT_EQ(pair.right.moved, 1U);
  EXPECT_EQ(pair.right.engine().sas().front().path.remote_port, 6500);
  EXPECT_EQ(pair.right.established(), 1U);
}

TEST(IkeEngine, EncapsulationCanBeForced) {
  Pair pair;
  ConnectionSettings left = Pair::settings(true);
  left.encapsulation = UdpEncapsulation::forced;
  pair.left.configure(std::move(left));
  pair.right.configure(Pair::settings(false));
  pair.left.initiate();
  pair.run();
  ASSERT_EQ(pair.left.children(), 1U);
  EXPECT_TRUE(pair.left.outbound("net")->udp && pair.right.outbound("net")->udp);
  EXPECT_EQ(pair.left.engine().sas().front().path.remote_port, 4500);
}

TEST(IkeEngine, AnIkeSaWithoutAChild) {
  Pair pair;
  for (const bool is_left : {true, false}) {
    ConnectionSettings settings = Pair::settings(is_left);
    settings.children.clear();
    (is_left ? pair.left : pair.right).configure(std::move(settings));
  }
  pair.left.initiate("");
  pair.run();
  EXPECT_EQ(pair.left.established(), 1U);
  EXPECT_EQ(pair.right.established(), 1U);
  EXPECT_TRUE(pair.right.installed.empty());
}

TEST(IkeEngine, TheAnswerWaitsForTheDataPlane) {
  Pair pair;
  pair.right.install_takes = 300 * kMillisecond;
  pair.configure();
  pair.left.initiate();
  pair.run(200 * kMillisecond);
  EXPECT_EQ(pair.left.established(), 0U);
  pair.run(300 * kMillisecond);
  EXPECT_EQ(pair.left.children(), 1U);

  Pair refused;
  refused.right.refuse_installs = true;
  refused.establish();
  refused.run(10 * kSecond);
  EXPECT_TRUE(refused.right.happened(Cause::install_refused));
  EXPECT_TRUE(refused.left.installed.empty());
  EXPECT_EQ(refused.left.established(), 1U);
  EXPECT_TRUE(refused.right.spis_out.empty());
}

TEST(IkeEngine, WithoutSpisThereIsNoChild) {
  Pair pair;
  pair.right.no_spis = true;
  pair.establish();
  EXPECT_EQ(pair.left.established(), 1U);
  EXPECT_TRUE(pair.left.happened(Cause::no_additional_sas));
  EXPECT_TRUE(pair.right.happened(Cause::no_spi));
}

TEST(IkeEngine, OperatorsAreToldWhatIsMissing) {
  Pair pair;
  pair.configure();
  Engine& engine = pair.left.engine();
  const Time now = pair.clock.now();
  EXPECT_FALSE(engine.initiate("nobody", "", now));
  EXPECT_FALSE(engine.initiate("peer", "nothing", now));
  EXPECT_FALSE(engine.rekey_ike("peer", now));
  EXPECT_FALSE(engine.rekey_child("peer", "net", now));
  EXPECT_FALSE(engine.terminate("nobody", "", now));
  EXPECT_FALSE(engine.diagnose("nobody"));
  EXPECT_TRUE(engine.diagnose("peer"));
}

}  // namespace
}  // namespace gotthard::ike::testing
