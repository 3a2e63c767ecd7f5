#include "control/checkpoint/checkpoint.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <map>
#include <vector>

#include "control/checkpoint/size.h"

namespace gotthard::checkpoint {
namespace {

// The layout of version 1, written down a second time: a change of it needs another version.
constexpr std::size_t kHeaderSize = 256;
constexpr std::size_t kCopySize = 128;

RecordKey key_of(std::uint8_t n) {
  RecordKey key{};
  key.fill(n);
  key[0] = 0xa5;
  return key;
}

PeerRecord record_of(std::uint8_t n) {
  PeerRecord record;
  record.greatest_received.fill(n);
  record.last_sent.fill(static_cast<std::uint8_t>(n + 1));
  record.endpoint.family = abi::Family::ipv4;
  record.endpoint.bytes = {192, 0, 2, n};
  record.endpoint_port = n;
  return record;
}

std::vector<std::byte> memory_of(std::size_t size = 64 << 10) {
  return std::vector<std::byte>(size);
}

TEST(Checkpoint, IsThereAfterARestart) {
  auto memory = memory_of();
  {
    Checkpoint checkpoint(memory);
    EXPECT_EQ(checkpoint.find(key_of(1)), std::nullopt);
    EXPECT_TRUE(checkpoint.commit(key_of(1), record_of(1)));
    EXPECT_TRUE(checkpoint.commit(key_of(2), record_of(2)));
    EXPECT_TRUE(checkpoint.commit(key_of(1), record_of(3)));
    EXPECT_EQ(checkpoint.find(key_of(1)), record_of(3)) << "in force at once";
  }
  Checkpoint again(memory);
  EXPECT_EQ(again.find(key_of(1)), record_of(3));
  EXPECT_EQ(again.find(key_of(2)), record_of(2));
  EXPECT_EQ(again.size(), 2U);
  EXPECT_EQ(again.damaged(), 0U);
}

// Any sequence of commits and restarts, against a map.
RC_GTEST_PROP(Checkpoint, HoldsTheLastCommitOfEachPeer, ()) {
  auto memory = memory_of(8 << 10);
  auto checkpoint = std::make_unique<Checkpoint>(memory);
  std::map<RecordKey, PeerRecord> model;
  const auto steps = *rc::gen::container<std::vector<std::pair<int, std::uint8_t>>>(
      rc::gen::pair(rc::gen::inRange(0, 12), rc::gen::arbitrary<std::uint8_t>()));
  for (const auto& [who, what] : steps) {
    if (who == 11) {
      checkpoint = std::make_unique<Checkpoint>(memory);
    } else {
      const auto key = key_of(static_cast<std::uint8_t>(who));
      RC_ASSERT(checkpoint->commit(key, record_of(what)));
      model[key] = record_of(what);
    }
  }
  RC_ASSERT(checkpoint->size() == model.size());
  for (const auto& [key, record] : model) {
    RC_ASSERT(checkpoint->find(key) == record);
  }
}

// Where the newest copy of the only record is: the second commit goes to the second copy.
constexpr std::size_t kNewest = kHeaderSize + kCopySize;

TEST(Checkpoint, AnyWrongByteOfTheNewestCopyFallsBackToTheOther) {
  for (std::size_t at = 0; at < kCopySize; ++at) {
    for (const int bit : {0, 3, 7}) {
      auto memory = memory_of(kHeaderSize + 4 * kCopySize);
      {
        Checkpoint checkpoint(memory);
        ASSERT_TRUE(checkpoint.commit(key_of(1), record_of(1)));
        ASSERT_TRUE(checkpoint.commit(key_of(1), record_of(2)));
      }
      memory[kNewest + at] ^= static_cast<std::byte>(1 << bit);
      Checkpoint again(memory);
      ASSERT_EQ(again.find(key_of(1)), record_of(1)) << "byte " << at;
      ASSERT_EQ(again.damaged(), 1U);
      // And it goes on from there.
      ASSERT_TRUE(again.commit(key_of(1), record_of(9)));
      ASSERT_EQ(Checkpoint(memory).find(key_of(1)), record_of(9));
      ASSERT_EQ(Checkpoint(memory).damaged(), 0U);
    }
  }
}

// A commit that control did not live to end: the memory is as before it, but for some of the bytes
// of one copy.
RC_GTEST_PROP(Checkpoint, ATornCommitLeavesTheRecordBeforeIt, ()) {
  auto memory = memory_of(kHeaderSize + 4 * kCopySize);
  Checkpoint checkpoint(memory);
  const int commits = *rc::gen::inRange(1, 6);
  for (int i = 1; i <= commits; ++i) {
    RC_ASSERT(checkpoint.commit(key_of(1), record_of(static_cast<std::uint8_t>(i))));
  }
  const auto before = memory;
  RC_ASSERT(checkpoint.commit(key_of(1), record_of(100)));
  // Bytes of the new state arrive in any order; the checksum (the last 16 of a copy) comes last.
  auto torn = before;
  bool whole = true;
  for (std::size_t i = 0; i < torn.size(); ++i) {
    const std::size_t in_copy = (i - kHeaderSize) % kCopySize;
    if (i >= kHeaderSize && in_copy >= kCopySize - 16) {
      torn[i] = memory[i] == before[i] ? memory[i] : std::byte{0};
      whole = whole && torn[i] == memory[i];
    } else if (*rc::gen::arbitrary<bool>()) {
      torn[i] = memory[i];
    }
  }
  RC_PRE(!whole);
  RC_ASSERT(Checkpoint(torn).find(key_of(1)) == record_of(static_cast<std::uint8_t>(commits)));
}

TEST(Checkpoint, ARecordThatIsLostForGoodMakesRoom) {
  auto memory = memory_of(kHeaderSize + 4 * kCopySize);  // two records
  {
    Checkpoint checkpoint(memory);
    ASSERT_EQ(checkpoint.capacity(), 2U);
    ASSERT_TRUE(checkpoint.commit(key_of(1), record_of(1)));
    ASSERT_TRUE(checkpoint.commit(key_of(2), record_of(2)));
    EXPECT_FALSE(checkpoint.commit(key_of(3), record_of(3))) << "full";
  }
  memory[kHeaderSize] ^= std::byte{1};  // the first record's only copy
  Checkpoint again(memory);
  EXPECT_EQ(again.find(key_of(1)), std::nullopt);
  EXPECT_EQ(again.find(key_of(2)), record_of(2));
  EXPECT_TRUE(again.commit(key_of(3), record_of(3)));
  EXPECT_EQ(Checkpoint(memory).find(key_of(3)), record_of(3));
}

TEST(Checkpoint, AReleasedRecordForgetsWhereThePeerWasAndNothingElse) {
  auto memory = memory_of();
  Checkpoint checkpoint(memory);
  ASSERT_TRUE(checkpoint.commit(key_of(1), record_of(1)));
  checkpoint.release(key_of(1));
  checkpoint.release(key_of(2));
  PeerRecord expected = record_of(1);
  expected.endpoint = {};
  expected.endpoint_port = 0;
  EXPECT_EQ(checkpoint.find(key_of(1)), expected);
  EXPECT_EQ(Checkpoint(memory).find(key_of(1)), expected);
  EXPECT_EQ(checkpoint.take(key_of(1)), expected);
  EXPECT_EQ(checkpoint.take(key_of(2)), std::nullopt);
}

TEST(Checkpoint, WhoWasRemovedFirstMakesRoomFirstAndIsRememberedByTheFloor) {
  auto memory = memory_of(kHeaderSize + 3 * 2 * kCopySize);
  Checkpoint checkpoint(memory);
  for (const std::uint8_t n : {1, 2, 3}) {
    ASSERT_TRUE(checkpoint.commit(key_of(n), record_of(n)));
  }
  EXPECT_FALSE(checkpoint.commit(key_of(4), record_of(4))) << "all are in use";
  checkpoint.release(key_of(2));
  checkpoint.release(key_of(1));
  EXPECT_EQ(checkpoint.floor(), noise::Timestamps{});
  ASSERT_TRUE(checkpoint.commit(key_of(4), record_of(4)));
  EXPECT_EQ(checkpoint.find(key_of(2)), std::nullopt);
  EXPECT_NE(checkpoint.find(key_of(1)), std::nullopt);
  const noise::Timestamps floor{.greatest_received = record_of(2).greatest_received,
                                .last_sent = record_of(2).last_sent};
  EXPECT_EQ(checkpoint.floor(), floor);
  Checkpoint again(memory);
  EXPECT_EQ(again.floor(), floor) << "also for who comes after";
  EXPECT_EQ(again.damaged(), 0U);
  // Of what was taken over only that is in use which is taken; what was released comes before it.
  EXPECT_NE(again.take(key_of(4)), std::nullopt);
  ASSERT_TRUE(again.commit(key_of(5), record_of(5)));
  EXPECT_EQ(again.find(key_of(1)), std::nullopt);
  ASSERT_TRUE(again.commit(key_of(6), record_of(6)));
  EXPECT_EQ(again.find(key_of(3)), std::nullopt);
  EXPECT_FALSE(again.commit(key_of(7), record_of(7)));
  EXPECT_EQ(again.find(key_of(4)), record_of(4));
}

TEST(Checkpoint, AClockOfTheFutureRaisesTheFloorToOursOnly) {
  auto memory = memory_of(kHeaderSize + 2 * kCopySize);
  Checkpoint checkpoint(memory);
  PeerRecord future = record_of(1);
  future.greatest_received.fill(0xff);
  const noise::Tai64n before = noise::tai64n(realtime_now());
  ASSERT_TRUE(checkpoint.commit(key_of(1), future));
  checkpoint.release(key_of(1));
  ASSERT_TRUE(checkpoint.commit(key_of(2), record_of(2)));
  EXPECT_GE(checkpoint.floor().greatest_received, before);
  EXPECT_LE(checkpoint.floor().greatest_received, noise::tai64n(realtime_now()));
}

// Peers come and go for ever, in a memory for eight: who is there is never forgotten, and nobody
// begins below what he had.
RC_GTEST_PROP(Checkpoint, ChurnForgetsNoTimestamp, ()) {
  auto memory = memory_of(kHeaderSize + 8 * 2 * kCopySize);
  auto checkpoint = std::make_unique<Checkpoint>(memory);
  std::map<std::uint8_t, PeerRecord> here;
  std::map<std::uint8_t, noise::Tai64n> greatest;  // of all that ever were
  std::uint8_t clock = 0;
  const auto steps = *rc::gen::container<std::vector<std::pair<int, std::uint8_t>>>(
      rc::gen::pair(rc::gen::inRange(0, 4), rc::gen::inRange<std::uint8_t>(0, 40)));
  for (const auto& [what, who] : steps) {
    if (what == 0 && here.contains(who)) {
      checkpoint->release(key_of(who));
      here.erase(who);
    } else if (what == 1) {
      checkpoint = std::make_unique<Checkpoint>(memory);
      for (const auto& [one, record] : here) {
        RC_ASSERT(checkpoint->take(key_of(one)) == record);
      }
    } else if (what > 1 && (here.contains(who) || here.size() < 8)) {
      if (!here.contains(who)) {
        const auto had = checkpoint->take(key_of(who));
        const noise::Tai64n begin =
            had ? had->greatest_received : checkpoint->floor().greatest_received;
        RC_ASSERT(begin >= greatest[who]);
      }
      here[who] = record_of(++clock);
      greatest[who] = std::max(greatest[who], here[who].greatest_received);
      RC_ASSERT(checkpoint->commit(key_of(who), here[who]));
    }
    for (const auto& [one, record] : here) {
      RC_ASSERT(checkpoint->find(key_of(one)) == record);
    }
  }
}

// Died while a record was made to take another's place: one of the two is whole.
TEST(Checkpoint, ATornTakeoverLeavesOneOfTheTwo) {
  for (std::size_t lost = 0; lost < 2 * kCopySize; ++lost) {
    auto memory = memory_of(kHeaderSize + 2 * kCopySize);
    Checkpoint checkpoint(memory);
    ASSERT_TRUE(checkpoint.commit(key_of(1), record_of(1)));
    checkpoint.release(key_of(1));
    auto torn = memory;
    ASSERT_TRUE(checkpoint.commit(key_of(2), record_of(2)));
    // The floor first, then the record byte by byte.
    std::copy(memory.begin(), memory.begin() + kHeaderSize + static_cast<std::ptrdiff_t>(lost),
              torn.begin());
    Checkpoint again(torn);
    const auto old = again.find(key_of(1));
    const auto fresh = again.find(key_of(2));
    EXPECT_TRUE(old.has_value() || fresh == record_of(2)) << lost;
    if (!old) {
      EXPECT_GE(again.floor().greatest_received, record_of(1).greatest_received) << lost;
    }
    EXPECT_TRUE(again.commit(key_of(3), record_of(3)));
  }
}

TEST(Checkpoint, AnotherVersionStartsEmpty) {
  auto memory = memory_of();
  ASSERT_TRUE(Checkpoint(memory).commit(key_of(1), record_of(1)));
  memory[8] ^= std::byte{2};
  EXPECT_EQ(Checkpoint(memory).find(key_of(1)), std::nullopt);
}

RC_GTEST_PROP(Checkpoint, AnyMemoryIsReadWithoutHarm, ()) {
  auto memory = memory_of(4 << 10);
  (void)Checkpoint(std::span(memory)).commit(key_of(1), record_of(1));
  for (const auto& [at, value] :
       *rc::gen::container<std::vector<std::pair<std::uint16_t, std::uint8_t>>>(
           rc::gen::arbitrary<std::pair<std::uint16_t, std::uint8_t>>())) {
    memory[at % memory.size()] = static_cast<std::byte>(value);
  }
  Checkpoint checkpoint(memory);
  const auto found = checkpoint.find(key_of(1));
  // RC_ASSERT takes its expression apart and evaluates both sides of a ||.
  const bool unharmed = !found || *found == record_of(1);
  RC_ASSERT(unharmed);
  RC_ASSERT(checkpoint.commit(key_of(4), record_of(4)));
  RC_ASSERT(Checkpoint(memory).find(key_of(4)) == record_of(4));
}

TEST(Checkpoint, HasRoomForEveryPeer) {
  EXPECT_LE(kPeersSize, kMemorySize);
  auto memory = memory_of(kPeersSize);
  EXPECT_GE(Checkpoint(memory).capacity(), abi::kMaxPeers);
}

TEST(Checkpoint, TooLittleMemoryTakesNothing) {
  auto memory = memory_of(16);
  Checkpoint checkpoint(memory);
  EXPECT_FALSE(checkpoint.commit(key_of(1), record_of(1)));
}

TEST(Checkpoint, KeysTellOurKeysApartToo) {
  std::array<std::uint8_t, 32> a{}, b{};
  b.fill(1);
  EXPECT_NE(record_key(a, b), record_key(b, a));
}

}  // namespace
}  // namespace gotthard::checkpoint
