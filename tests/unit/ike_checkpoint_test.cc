// What is left of an IKE SA when control dies, and what cannot be used of it.
#include <gtest/gtest.h>

#include "tests/unit/ike_pair.h"

namespace gotthard::ike::testing {
namespace {

TEST(IkeCheckpoint, TheSameSaGoesOn) {
  Pair pair;
  pair.establish();
  const Spis before = pair.left.engine().sas().front().spis;
  const auto installed = pair.left.installed.begin()->first;
  for (Node* node : {&pair.left, &pair.right}) {
    node->restart([&] { return Pair::settings(node == &pair.left); });
  }
  pair.run();
  EXPECT_EQ(pair.left.engine().sas().front().spis, before);
  EXPECT_EQ(pair.left.installed.begin()->first, installed);
  pair.exchange_packets();
  pair.left.perform(pair.left.engine().rekey_child("peer", "net", pair.clock.now()));
  pair.run(12 * kSecond);
  pair.right.perform(pair.right.engine().rekey_ike("peer", pair.clock.now()));
  pair.run(12 * kSecond);
  ASSERT_EQ(pair.left.established(), 1U);
  EXPECT_NE(pair.left.engine().sas().front().spis, before);
  EXPECT_NE(pair.left.installed.begin()->first, installed);
  pair.exchange_packets();
}

TEST(IkeCheckpoint, ChildrenThatTheDataPlaneHasNotAreMadeAgain) {
  Pair pair;
  pair.establish();
  pair.left.installed.clear();
  pair.left.restart([] { return Pair::settings(true); });
  pair.run(3 * kSecond);
  EXPECT_EQ(pair.left.established(), 1U);
  pair.exchange_packets();
}

TEST(IkeCheckpoint, WhatIsNotWholeIsRefused) {
  Pair pair;
  pair.establish();
  const Buffer state = pair.left.checkpoints.begin()->second;
  for (std::size_t size = 0; size < state.size(); ++size) {
    Pair other;
    other.left.configure(Pair::settings(true));
    EXPECT_FALSE(
        other.left.engine().restore(Bytes(state).first(size), {}, other.clock.now()).has_value());
    EXPECT_TRUE(other.left.engine().sas().empty());
  }
  Pair without;
  EXPECT_FALSE(without.left.engine().restore(state, {}, without.clock.now()).has_value());
  Buffer newer = state;
  newer[7] = std::byte{99};
  without.left.configure(Pair::settings(true));
  EXPECT_FALSE(without.left.engine().restore(newer, {}, without.clock.now()).has_value());
  EXPECT_TRUE(without.left.engine().restore(state, {}, without.clock.now()).has_value());
}

}  // namespace
}  // namespace gotthard::ike::testing
