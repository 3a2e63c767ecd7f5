#include "control/session_allocator.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <random>

namespace gotthard::control {
namespace {

SessionAllocator seeded(std::uint32_t seed) {
  return SessionAllocator([engine = std::mt19937(seed)]() mutable { return engine(); });
}

std::uint32_t slot(std::uint32_t id) { return id & abi::kSlotMask; }

// Any history of allocations, releases (of wrong ids too) and slots found alive, against a map.
RC_GTEST_PROP(SessionAllocator, HoldsEachSlotOnce, (std::uint32_t seed)) {
  SessionAllocator sessions = seeded(seed);
  std::map<std::uint32_t, std::uint32_t> model;
  const auto steps = *rc::gen::container<std::vector<std::pair<int, std::uint32_t>>>(
      rc::gen::pair(rc::gen::inRange(0, 5), rc::gen::arbitrary<std::uint32_t>()));
  for (const auto& [what, number] : steps) {
    if (what <= 1) {
      const auto id = sessions.allocate();
      RC_ASSERT(id.has_value());
      RC_ASSERT(*id > abi::kHighestConfiguredId);
      RC_ASSERT(!model.contains(slot(*id)));
      model[slot(*id)] = *id;
    } else if (what == 2 && !model.empty()) {
      const auto any = std::next(model.begin(), number % model.size());
      sessions.release(any->second);
      model.erase(any);
    } else if (what == 3 && !model.empty()) {
      // The same slot, another id: its holder keeps it.
      const auto any = std::next(model.begin(), number % model.size());
      sessions.release(any->second ^ 0x8000'0000);
      RC_ASSERT(sessions.in_use(any->second));
    } else if (what == 4 && number >= abi::kLowestSessionId) {
      sessions.occupy(number);
      model[slot(number)] = number;
    }
  }
  for (const auto& [s, id] : model) {
    RC_ASSERT(sessions.in_use(id));
  }
}

TEST(SessionAllocator, GivesEverySlotAndThenNothing) {
  SessionAllocator sessions = seeded(1);
  // Found alive in the data plane, with slots in a row: allocation steps over them.
  for (std::uint32_t s = 1000; s < 2000; ++s) {
    sessions.occupy(s | 0x10000);
  }
  std::vector<bool> given(abi::kMaxSessions);
  for (std::size_t i = 0; i < abi::kMaxSessions - 1000; ++i) {
    const auto id = sessions.allocate();
    ASSERT_TRUE(id.has_value());
    ASSERT_FALSE(given[slot(*id)]);
    ASSERT_FALSE(slot(*id) >= 1000 && slot(*id) < 2000);
    given[slot(*id)] = true;
  }
  EXPECT_EQ(sessions.allocate(), std::nullopt);
  sessions.release(1500 | 0x10000);
  const auto last = sessions.allocate();
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(slot(*last), 1500U);
}

TEST(SessionAllocator, AnIdOfAReusedSlotIsAnother) {
  SessionAllocator sessions = seeded(2);
  std::map<std::uint32_t, int> seen;
  // One slot is free: each use of it has other high bits (by chance 1 in 65,535).
  for (std::uint32_t s = 0; s < abi::kMaxSessions; ++s) {
    if (s != 77) {
      sessions.occupy(s | 0x10000);
    }
  }
  for (int i = 0; i < 100; ++i) {
    const auto id = sessions.allocate();
    ASSERT_TRUE(id.has_value());
    ASSERT_EQ(slot(*id), 77U);
    ++seen[*id];
    sessions.release(*id);
  }
  EXPECT_GE(seen.size(), 98U);
}

TEST(SessionAllocator, LowestIdsAreNeverGivenEvenByABadGenerator) {
  int calls = 0;
  SessionAllocator sessions([&calls]() -> std::uint32_t { return ++calls < 10 ? 5 : 0x70005; });
  EXPECT_EQ(sessions.allocate(), std::optional<std::uint32_t>(0x70005));
}

TEST(SessionAllocator, ANewDataPlaneHasNoSessions) {
  SessionAllocator sessions = seeded(3);
  const auto id = *sessions.allocate();
  sessions.clear();
  EXPECT_FALSE(sessions.slot_in_use(id));
}

}  // namespace
}  // namespace gotthard::control
