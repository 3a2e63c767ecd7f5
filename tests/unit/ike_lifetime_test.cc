// What happens to SAs that are up: repetition, liveness, renewal, ends, and what comes after.
#include <gtest/gtest.h>

#include "tests/unit/ike_pair.h"

namespace gotthard::ike::testing {
namespace {

struct Kept : Pair {
  explicit Kept(const std::function<void(ConnectionSettings&, bool)>& change = {}) {
    for (const bool is_left : {true, false}) {
      ConnectionSettings made = settings(is_left);
      made.children[0].start_action = is_left ? Restart::start : Restart::none;
      made.children[0].dpd_action = made.children[0].start_action;
      if (change) {
        change(made, is_left);
      }
      (is_left ? left : right).configure(std::move(made));
    }
  }
  void cut(bool whole) {
    network.middle = [whole](Sent&) { return !whole; };
  }
  // Packets both ways all the time.
  void run_with_traffic(Nanoseconds duration) {
    for (Nanoseconds passed = 0; passed < duration; passed += 20 * kMillisecond) {
      left.send_packet(right);
      right.send_packet(left);
      run(20 * kMillisecond);
    }
  }
  void expect_no_packet_lost() {
    EXPECT_EQ(left.refused + right.refused + left.unsent + right.unsent, 0U);
  }
};

TEST(IkeLifetime, SilenceIsAnsweredByRepetitionThenByGivingUp) {
  Kept pair;
  pair.cut(true);
  pair.run(100 * kSecond);
  EXPECT_TRUE(pair.left.happened(Cause::no_reply));
  const auto& log = pair.network.log;
  ASSERT_GE(log.size(), 7U);
  for (std::size_t i = 1; i < 6; ++i) {
    EXPECT_EQ(log[i].bytes, log[0].bytes);  // bit by bit (section 2.1)
  }
  EXPECT_NE(log[6].bytes, log[0].bytes);
  pair.cut(false);
  pair.run(400 * kSecond);
  EXPECT_EQ(pair.left.children(), 1U);
}

TEST(IkeLifetime, TheNextAddressIsTriedWhenOneIsSilent) {
  Kept pair([](ConnectionSettings& settings, bool is_left) {
    if (is_left) {
      settings.remotes.insert(settings.remotes.begin(), address(203, 0, 113, 7));
    }
  });
  pair.run(120 * kSecond);
  EXPECT_EQ(pair.left.children(), 1U);
}

ConnectionSettings without_address(ConnectionSettings settings) {
  settings.remotes.clear();
  settings.by_name = true;
  return settings;
}

TEST(IkeLifetime, APeerByNameIsBegunWithOnceItIsFound) {
  Pair pair;
  pair.left.configure(without_address(Pair::settings(true)));
  pair.right.configure(Pair::settings(false));
  pair.left.initiate();
  pair.run();
  EXPECT_TRUE(pair.network.log.empty());
  pair.left.find_peer({address(192, 0, 2, 2)});
  pair.run();
  EXPECT_EQ(pair.left.children(), 1U);
  pair.left.find_peer({address(203, 0, 113, 7)});  // what is up stays
  pair.run(30 * kSecond);
  EXPECT_EQ(pair.left.children(), 1U);
  pair.exchange_packets();
}

TEST(IkeLifetime, APeerByNameIsHeardOnlyAtItsAddresses) {
  Pair pair;
  pair.left.configure(Pair::settings(true));
  pair.right.configure(without_address(Pair::settings(false)));
  pair.left.initiate();
  pair.run();
  EXPECT_TRUE(pair.right.happened(Cause::no_connection));
  pair.right.find_peer({address(192, 0, 2, 1)});
  pair.left.initiate();
  pair.run(100 * kSecond);
  EXPECT_EQ(pair.right.children(), 1U);
}

TEST(IkeLifetime, AnAttemptToWhereANameWasIsGivenUpWhenItMoves) {
  Kept pair([](ConnectionSettings& settings, bool is_left) {
    if (is_left) {
      settings.remotes = {address(203, 0, 113, 7)};
      settings.by_name = true;
    }
  });
  pair.run(5 * kSecond);
  EXPECT_EQ(pair.left.children(), 0U);
  pair.left.find_peer({address(192, 0, 2, 2)});
  pair.run();
  EXPECT_EQ(pair.left.children(), 1U);
  EXPECT_EQ(pair.left.established(), 1U);
}

TEST(IkeLifetime, AnAnsweredAttemptGoesOnWhenItsNameMoves) {
  Kept pair([](ConnectionSettings& settings, bool is_left) { settings.by_name = is_left; });
  constexpr std::size_t kExchangeType = 18;
  constexpr std::uint8_t kIkeAuth = 35;
  pair.network.middle = [](Sent& sent) { return sent.bytes[kExchangeType] != std::byte{kIkeAuth}; };
  pair.run();
  EXPECT_EQ(pair.left.spis_out.size(), 1U);
  pair.left.find_peer({address(203, 0, 113, 7)});
  pair.cut(false);
  pair.run(10 * kSecond);
  EXPECT_EQ(pair.left.children(), 1U);
  EXPECT_EQ(pair.left.spis_out.size(), 1U);
}

TEST(IkeLifetime, ADeadPeerIsNoticedAndFoundAgain) {
  Kept pair([](ConnectionSettings& settings, bool) { settings.dpd_delay = 10 * kSecond; });
  pair.run();
  EXPECT_EQ(pair.left.children(), 1U);
  pair.cut(true);
  pair.run(120 * kSecond);
  EXPECT_EQ(pair.left.established(), 0U);
  EXPECT_EQ(pair.right.established(), 0U);
  EXPECT_TRUE(pair.right.installed.empty());
  EXPECT_EQ(pair.left.downs, (std::vector<std::string>{"net", "peer"}));
  pair.cut(false);
  pair.run(300 * kSecond);
  EXPECT_EQ(pair.left.children(), 1U);
  EXPECT_EQ(pair.right.installed.size(), 1U);
}

TEST(IkeLifetime, LivenessIsAskedOnlyInSilence) {
  Kept pair([](ConnectionSettings& settings, bool) { settings.dpd_delay = 10 * kSecond; });
  pair.run(100 * kSecond);
  // Whoever was asked has heard the other: some ten exchanges, not twenty.
  EXPECT_LE(pair.network.log.size(), 4U + 2 * 20);
  EXPECT_GE(pair.network.log.size(), 4U + 2 * 9);
}

TEST(IkeLifetime, RenewalByTimeLosesNoPacket) {
  Kept pair([](ConnectionSettings& settings, bool) {
    settings.rekey_time = 47 * kSecond;
    settings.over_time = 10 * kSecond;
    settings.children[0].rekey_time = 13 * kSecond;
    settings.children[0].life_time = 20 * kSecond;
  });
  pair.run();
  const Spis before = pair.left.engine().sas().front().spis;
  pair.run_with_traffic(300 * kSecond);
  pair.expect_no_packet_lost();
  EXPECT_NE(pair.left.engine().sas().front().spis, before);
  EXPECT_GT(*pair.left.spis_out.begin(), 0x1000U + 15);
  EXPECT_LE(pair.left.installed.size(), 2U);
  EXPECT_EQ(pair.left.established(), 1U);
}

TEST(IkeLifetime, ReauthenticationMakesBeforeItBreaks) {
  Kept pair([](ConnectionSettings& settings, bool is_left) {
    settings.rekey_time = 0;
    settings.unique = Unique::replace;
    settings.reauth_time = is_left ? 0 : 40 * kSecond;  // by AUTH_LIFETIME
    settings.over_time = 20 * kSecond;
    if (!is_left) {
      settings.remotes.clear();  // it cannot begin
    }
  });
  pair.run();
  const Spis before = pair.left.engine().sas().front().spis;
  pair.run_with_traffic(100 * kSecond);
  pair.expect_no_packet_lost();
  ASSERT_EQ(pair.left.engine().sas().size(), 1U);
  EXPECT_NE(pair.left.engine().sas().front().spis, before);
  EXPECT_EQ(pair.right.installed.size(), 1U);
}

TEST(IkeLifetime, LimitsOfTheDataPlaneRenewAndEnd) {
  Kept pair;
  pair.run();
  const std::uint32_t first = pair.left.installed.begin()->first;
  pair.left.perform(pair.left.engine().on_aging(first, false, pair.clock.now()));
  pair.run(6 * kSecond);
  ASSERT_EQ(pair.left.installed.size(), 1U);
  const std::uint32_t second = pair.left.installed.begin()->first;
  EXPECT_NE(first, second);
  pair.left.perform(pair.left.engine().on_aging(second, true, pair.clock.now()));
  pair.run(6 * kSecond);
  ASSERT_EQ(pair.left.installed.size(), 1U);
  EXPECT_NE(pair.left.installed.begin()->first, second);
  pair.exchange_packets();
}

TEST(IkeLifetime, TerminationIsToldAndLasts) {
  Kept pair;
  pair.run();
  pair.left.perform(pair.left.engine().terminate("peer", "net", pair.clock.now()));
  pair.run(30 * kSecond);
  EXPECT_TRUE(pair.left.installed.empty() && pair.right.installed.empty());
  EXPECT_EQ(pair.left.established(), 1U);
  pair.left.perform(pair.left.engine().terminate("peer", "", pair.clock.now()));
  pair.run(30 * kSecond);
  EXPECT_TRUE(pair.left.engine().sas().empty() && pair.right.engine().sas().empty());
  pair.left.initiate();
  pair.run();
  EXPECT_EQ(pair.left.children(), 1U);
  EXPECT_TRUE(pair.right.happened(Cause::closed_by_peer));
}

TEST(IkeLifetime, CloseActionDecidesWhatThePeersDeleteMeans) {
  for (const bool again : {true, false}) {
    Kept pair([again](ConnectionSettings& settings, bool is_left) {
      settings.children[0].close_action = is_left && again ? Restart::start : Restart::none;
    });
    pair.run();
    pair.right.perform(pair.right.engine().terminate("peer", "net", pair.clock.now()));
    pair.run(10 * kSecond);
    EXPECT_EQ(pair.left.children(), again ? 1U : 0U);
  }
}

TEST(IkeLifetime, TrafficBringsUpATrap) {
  Kept pair([](ConnectionSettings& settings, bool is_left) {
    settings.children[0].start_action = is_left ? Restart::trap : Restart::none;
  });
  pair.run(10 * kSecond);
  EXPECT_TRUE(pair.network.log.empty());
  pair.left.perform(pair.left.engine().acquire("peer", "net", pair.clock.now()));
  pair.run();
  EXPECT_EQ(pair.left.children(), 1U);
  const std::size_t sent = pair.network.log.size();
  pair.right.perform(pair.right.engine().acquire("peer", "net", pair.clock.now()));
  pair.run();
  EXPECT_EQ(pair.network.log.size(), sent);
}

TEST(IkeLifetime, ChildrenAreMadeAgainOverALivingIkeSa) {
  Kept pair;
  pair.run();
  const Spis before = pair.left.engine().sas().front().spis;
  for (Node* node : {&pair.left, &pair.right}) {
    node->lose_dataplane();
    pair.run(3 * kSecond);
    EXPECT_EQ(pair.left.engine().sas().front().spis, before);
    pair.exchange_packets();
    pair.run(12 * kSecond);
    EXPECT_EQ(pair.left.installed.size(), 1U);
    EXPECT_EQ(pair.right.installed.size(), 1U);
  }
}

TEST(IkeLifetime, UniquePoliciesDecideAmongSeveral) {
  const auto after_a_crash = [](Unique unique, bool contact) {
    Kept pair([unique](ConnectionSettings& settings, bool is_left) {
      settings.unique = is_left ? Unique::no : unique;
    });
    pair.run(2 * kSecond);
    // The left one is another machine with the same identity; or it has forgotten everything.
    Node again(pair.clock, pair.network, contact ? pair.left.own() : address(192, 0, 2, 1), 99);
    again.configure(Pair::settings(true));
    again.initiate();
    pair.run(2 * kSecond);
    return std::pair(pair.right.established(), pair.right.happened(Cause::not_unique));
  };
  EXPECT_EQ(after_a_crash(Unique::never, true), std::pair(std::size_t{2}, false));
  EXPECT_EQ(after_a_crash(Unique::no, true), std::pair(std::size_t{1}, false));
  EXPECT_EQ(after_a_crash(Unique::replace, true), std::pair(std::size_t{1}, false));
  EXPECT_EQ(after_a_crash(Unique::keep, true), std::pair(std::size_t{1}, true));
}

TEST(IkeLifetime, ReconfigurationKeepsWhatIsStillWanted) {
  Kept pair;
  pair.run();
  ConnectionSettings more = Pair::settings(true);
  more.children[0].start_action = Restart::start;
  more.children.push_back(Pair::child(true, "second", 11));
  more.children[1].start_action = Restart::start;
  ConnectionSettings there = Pair::settings(false);
  there.children.push_back(Pair::child(false, "second", 11));
  pair.right.configure(std::move(there));
  pair.left.configure(std::move(more));
  pair.run();
  EXPECT_EQ(pair.left.children("second"), 1U);
  EXPECT_EQ(pair.left.children("net"), 1U);
  ConnectionSettings less = Pair::settings(true);
  less.children[0] = Pair::child(true, "second", 11);
  pair.left.configure(std::move(less));
  pair.run();
  EXPECT_EQ(pair.left.children("net"), 0U);
  EXPECT_EQ(pair.right.installed.size(), 1U);
  pair.left.perform(pair.left.engine().remove("peer", pair.clock.now()));
  pair.run();
  EXPECT_TRUE(pair.right.engine().sas().empty());
  EXPECT_TRUE(pair.left.installed.empty());
}

TEST(IkeLifetime, AnExpiredIkeSaIsMadeAnew) {
  Kept pair([](ConnectionSettings& settings, bool) {
    settings.rekey_time = 20 * kSecond;
    settings.over_time = 1;
  });
  pair.run();
  // Rekeys fail: the right one refuses whatever creates an SA.
  ConnectionSettings other = Pair::settings(false);
  other.proposals = proposals(Protocol::ike, {"aes128gcm16-prfsha256-ecp256"});
  pair.right.configure(std::move(other));
  pair.run(25 * kSecond);
  EXPECT_TRUE(pair.left.happened(Cause::lifetime_over) ||
              pair.right.happened(Cause::lifetime_over));
  pair.right.configure(Pair::settings(false));
  pair.run(60 * kSecond);
  EXPECT_EQ(pair.left.children(), 1U);
}

}  // namespace
}  // namespace gotthard::ike::testing
