// Whatever the network does, two engines end with the same SAs: thousands of seeds of loss,
// duplication, reordering and commands at the wrong moment, deterministic.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/unit/ike_pair.h"

namespace gotthard::ike::testing {
namespace {

// GOTTHARD_SEEDS: more or fewer than usual.
std::uint64_t seeds(std::uint64_t usual) {
  const char* text = std::getenv("GOTTHARD_SEEDS");
  return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}

ConnectionSettings kept_up(bool is_left) {
  ConnectionSettings settings = Pair::settings(is_left);
  settings.dpd_delay = 20 * kSecond;
  for (ChildSettings& child : settings.children) {
    child.start_action = is_left ? Restart::start : Restart::none;
    child.dpd_action = child.start_action;
  }
  return settings;
}

// No initialisation vector is used for two different messages under the same key: a key's messages
// have their SPIs and their direction in common.
void expect_fresh_ivs(const Network& network) {
  std::map<Buffer, Buffer> seen;
  for (const Sent& sent : network.log) {
    const auto header = parse_header(sent.bytes);
    ASSERT_TRUE(header);
    if (header->exchange == ExchangeType::ike_sa_init || sent.bytes.size() < 40) {
      continue;
    }
    Buffer key(sent.bytes.begin(), sent.bytes.begin() + 16);
    key.push_back(header->from_initiator ? std::byte{1} : std::byte{0});
    const std::size_t at =
        header->next_payload == PayloadType::encrypted_fragment ? 28 + 8 : 28 + 4;
    key.insert(key.end(), sent.bytes.begin() + static_cast<std::ptrdiff_t>(at),
               sent.bytes.begin() + static_cast<std::ptrdiff_t>(at) + 8);
    const auto [place, fresh] = seen.emplace(key, sent.bytes);
    EXPECT_TRUE(fresh || place->second == sent.bytes) << "an IV was used twice";
  }
}

void expect_one_of_each(Pair& pair, std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  ASSERT_EQ(pair.left.engine().sas().size(), 1U);
  ASSERT_EQ(pair.right.engine().sas().size(), 1U);
  const SaStatus left = pair.left.engine().sas().front();
  const SaStatus right = pair.right.engine().sas().front();
  EXPECT_EQ(left.spis, right.spis);
  EXPECT_NE(left.initiator, right.initiator);
  EXPECT_EQ(left.state, "established");
  ASSERT_EQ(left.children.size(), 1U);
  ASSERT_EQ(right.children.size(), 1U);
  EXPECT_EQ(left.children[0].local_spi, right.children[0].remote_spi);
  EXPECT_EQ(left.children[0].remote_spi, right.children[0].local_spi);
  EXPECT_TRUE(left.children[0].up && right.children[0].up);
  EXPECT_EQ(pair.left.installed.size(), 1U);
  EXPECT_EQ(pair.right.installed.size(), 1U);
  EXPECT_EQ(pair.left.spis_out.size(), 1U);
  EXPECT_EQ(pair.right.spis_out.size(), 1U);
  pair.exchange_packets();
  EXPECT_EQ(pair.left.checkpoints.size(), 1U);
  EXPECT_EQ(pair.right.checkpoints.size(), 1U);
  expect_fresh_ivs(pair.network);
}

class Chaos {
 public:
  explicit Chaos(std::uint64_t seed) : random_(seed * 77 + 5), pair_(seed) {}

  Pair& pair() { return pair_; }
  std::uint64_t any(std::uint64_t below) { return random_() % below; }
  Node& side() { return any(2) == 0 ? pair_.left : pair_.right; }

  void make_worse() {
    pair_.network.faults = {.loss = static_cast<double>(any(3)) * 0.05,
                            .duplication = static_cast<double>(any(3)) * 0.2,
                            .latency = (1 + any(40)) * kMillisecond,
                            .spread = any(3) * 100 * kMillisecond};
  }
  void heal() { pair_.network.faults = {}; }

 private:
  std::mt19937_64 random_;
  Pair pair_;
};

void rekey_something(Chaos& chaos) {
  Node& node = chaos.side();
  const Time now = chaos.pair().clock.now();
  auto actions = chaos.any(3) == 0 ? node.engine().rekey_ike("peer", now)
                                   : node.engine().rekey_child("peer", "net", now);
  if (actions) {
    node.perform(std::move(*actions));
  }
}

bool lost_peer(const Node& node) { return node.happened(Cause::no_reply); }

TEST(IkeProperty, RekeysCrossAndNoPacketIsLost) {
  for (std::uint64_t seed = 1; seed <= seeds(800) && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos chaos(seed);
    Pair& pair = chaos.pair();
    pair.left.configure(kept_up(true));
    pair.right.configure(kept_up(false));
    pair.run(2 * kSecond);
    pair.left.unsent = pair.right.unsent = 0;
    chaos.make_worse();
    for (int step = 0; step < 12; ++step) {
      const std::uint64_t commands = chaos.any(4);
      for (std::uint64_t i = 0; i < commands; ++i) {
        rekey_something(chaos);
        pair.run(chaos.any(30) * kMillisecond);
      }
      pair.left.send_packet(pair.right);
      pair.right.send_packet(pair.left);
      pair.run(chaos.any(3000) * kMillisecond);
    }
    chaos.heal();
    pair.run(300 * kSecond);
    const bool died = lost_peer(pair.left) || lost_peer(pair.right);
    if (!died) {
      EXPECT_EQ(pair.left.refused + pair.right.refused, 0U);
      EXPECT_EQ(pair.left.unsent + pair.right.unsent, 0U);
    }
    expect_one_of_each(pair, seed);
  }
}

TEST(IkeProperty, BothBeginAtOnce) {
  for (std::uint64_t seed = 1; seed <= seeds(300) && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos chaos(seed);
    Pair& pair = chaos.pair();
    chaos.make_worse();
    ConnectionSettings left = kept_up(true);
    ConnectionSettings right = kept_up(false);
    right.children[0].start_action = Restart::start;
    right.children[0].dpd_action = Restart::start;
    left.children[0].close_action = right.children[0].close_action = Restart::start;
    pair.left.configure(std::move(left));
    pair.run(chaos.any(60) * kMillisecond);
    pair.right.configure(std::move(right));
    pair.run(20 * kSecond);
    chaos.heal();
    pair.run(300 * kSecond);
    expect_one_of_each(pair, seed);
  }
}

TEST(IkeProperty, ControlDiesAtAnyTime) {
  for (std::uint64_t seed = 1; seed <= seeds(400) && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos chaos(seed);
    Pair& pair = chaos.pair();
    pair.left.configure(kept_up(true));
    pair.right.configure(kept_up(false));
    pair.run(2 * kSecond);
    const Spis before = pair.left.engine().sas().front().spis;
    chaos.make_worse();
    for (int step = 0; step < 8; ++step) {
      rekey_something(chaos);
      pair.run(chaos.any(40) * kMillisecond);
      if (chaos.any(2) == 0) {
        const bool is_left = chaos.any(2) == 0;
        Node& node = is_left ? pair.left : pair.right;
        node.restart([is_left] { return kept_up(is_left); });
      }
      pair.run(chaos.any(2000) * kMillisecond);
    }
    chaos.heal();
    pair.run(300 * kSecond);
    expect_one_of_each(pair, seed);
    EXPECT_NE(before, Spis{});
  }
}

TEST(IkeProperty, ChildrenComeAndGo) {
  for (std::uint64_t seed = 1; seed <= seeds(400) && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos chaos(seed);
    Pair& pair = chaos.pair();
    pair.left.configure(kept_up(true));
    pair.right.configure(kept_up(false));
    pair.run(2 * kSecond);
    chaos.make_worse();
    for (int step = 0; step < 10; ++step) {
      Node& node = chaos.side();
      const Time now = pair.clock.now();
      switch (chaos.any(5)) {
        case 0:
          node.perform(*node.engine().terminate("peer", "net", now));
          break;
        case 1:
          node.perform(*node.engine().terminate("peer", "", now));
          break;
        case 2:
          node.perform(*node.engine().initiate("peer", "net", now));
          break;
        case 3:
          node.lose_dataplane();
          break;
        default:
          rekey_something(chaos);
          break;
      }
      pair.run(chaos.any(1500) * kMillisecond);
    }
    chaos.heal();
    pair.run(200 * kSecond);
    pair.left.initiate();
    pair.run(100 * kSecond);
    expect_one_of_each(pair, seed);
  }
}

}  // namespace
}  // namespace gotthard::ike::testing
