// The resequencer against a model: what arrived in one session leaves in that order, nothing waits
// without a cause, nothing is lost.
#include "dataplane/table/resequencer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace gotthard::dataplane {
namespace {

constexpr std::uint64_t kPatience = 1000;

rte_mbuf* packet(std::uint64_t number) {
  return reinterpret_cast<rte_mbuf*>(number << 8);  // never followed
}
std::uint64_t number_of(const rte_mbuf* mbuf) {
  return reinterpret_cast<std::uintptr_t>(mbuf) >> 8;
}

class World {
 public:
  struct Away {
    SpreadBatch* batch;
    std::vector<std::uint64_t> packets;
  };

  // A batch with packets of these sessions; opened at once, or by another worker later.
  void arrive(const std::vector<std::uint8_t>& sessions, bool here) {
    SpreadBatch* batch = order.take();
    if (batch == nullptr) {
      RC_ASSERT(order.size() + late == Resequencer::kBatches);
      order.give_up_oldest();
      take_late();
      return;
    }
    batch->size = 0;
    Away away{.batch = batch, .packets = {}};
    for (const std::uint8_t session : sessions) {
      const std::uint64_t number = ++last;
      batch->packets[batch->size++] = {.mbuf = packet(number), .bucket = session};
      session_of[number] = session;
      expected[session].push_back(number);
      away.packets.push_back(number);
      if (!here) {
        closed.insert(number);
      }
    }
    order.push(batch, here ? BatchState::opened : BatchState::given, now);
    if (!here) {
      given.push_back(away);
    }
  }

  // One of those away comes back without the packets that `lost` names by their place.
  void open(std::size_t which, std::uint32_t lost) {
    if (given.empty()) {
      return;
    }
    const Away away = given[which % given.size()];
    given.erase(given.begin() + static_cast<std::ptrdiff_t>(which % given.size()));
    SpreadBatch& batch = *away.batch;
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < batch.size; ++i) {
      if ((lost >> i & 1) != 0) {
        forget(number_of(batch.packets[i].mbuf));
      } else {
        batch.packets[kept++] = batch.packets[i];
      }
    }
    batch.size = kept;
    if (!batch.give_back()) {
      RC_ASSERT(late > 0U);
      --late;
      for (const std::uint64_t number : away.packets) {
        forget(number);  // goes on by itself
      }
      batch.free();
    }
    for (const std::uint64_t number : away.packets) {
      closed.erase(number);
    }
  }

  void release() {
    std::array<SpreadPacket, kBurst> packets;
    while (const std::uint32_t count = order.release(now, &packets)) {
      take_late();
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t number = number_of(packets[i].mbuf);
        RC_ASSERT(!closed.contains(number));
        auto& line = expected[session_of[number]];
        RC_ASSERT(!line.empty());
        RC_ASSERT(line.front() == number);
        line.erase(line.begin());
      }
    }
    take_late();
    // What is opened and first of its session has gone.
    for (const auto& [session, line] : expected) {
      const bool waits = !line.empty() && !closed.contains(line.front());
      RC_ASSERT(!waits);
    }
  }

  // Those that were given up just now: their packets have no place in the order any more.
  void take_late() {
    while (given_up < order.given_up()) {
      ++given_up;
      ++late;
      const auto found = std::find_if(given.begin(), given.end(), [this](const Away& away) {
        return away.batch->state.load() == BatchState::late && !known_late.contains(&*away.batch);
      });
      RC_ASSERT(found != given.end());
      known_late.insert(found->batch);
      for (const std::uint64_t number : found->packets) {
        forget(number);
      }
    }
    std::erase_if(known_late,
                  [](const SpreadBatch* batch) { return batch->state.load() != BatchState::late; });
  }

  void forget(std::uint64_t number) {
    auto& line = expected[session_of[number]];
    std::erase(line, number);
  }

  Resequencer order{kPatience};
  std::uint64_t now = 1;
  std::uint64_t last = 0;
  std::uint64_t given_up = 0;
  std::uint64_t late = 0;
  std::vector<Away> given;
  std::set<const SpreadBatch*> known_late;
  std::set<std::uint64_t> closed;  // not opened yet
  std::map<std::uint64_t, std::uint8_t> session_of;
  std::map<std::uint8_t, std::vector<std::uint64_t>> expected;
};

struct Step {
  int kind = 0;
  std::uint32_t number = 0;
  std::vector<std::uint8_t> sessions;
};

rc::Gen<Step> steps() {
  return rc::gen::build<Step>(
      rc::gen::set(&Step::kind, rc::gen::inRange(0, 10)), rc::gen::set(&Step::number),
      rc::gen::set(
          &Step::sessions,
          rc::gen::scale(0.3, rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint8_t>>(
                                  rc::gen::inRange<std::uint8_t>(0, 4))))));
}

RC_GTEST_PROP(Resequencer, KeepsTheOrderOfEachSessionAndNothingElse, ()) {
  auto world = std::make_unique<World>();
  for (const Step& step : *rc::gen::container<std::vector<Step>>(200, steps())) {
    std::vector<std::uint8_t> sessions = step.sessions;
    sessions.resize(std::min<std::size_t>(sessions.size(), kBurst));
    if (step.kind < 5) {
      world->arrive(sessions, step.kind < 2);
    } else if (step.kind < 9) {
      world->open(step.number, step.number % 3 == 0 ? step.number >> 8 : 0);
    } else {
      world->now += step.number % (kPatience / 4);
    }
    if (step.number % 2 == 0) {
      world->release();
    }
    RC_ASSERT(world->order.size() <= Resequencer::kBatches);
  }
  while (!world->given.empty()) {
    world->open(0, 0);
  }
  world->release();
  RC_ASSERT(world->order.empty());
  for (const auto& [session, line] : world->expected) {
    RC_ASSERT(line.empty());
  }
}

TEST(Resequencer, WaitsNoLongerThanItsPatience) {
  const auto order = std::make_unique<Resequencer>(kPatience);
  const auto add = [&](std::uint64_t number, BatchState state, std::uint64_t now) {
    SpreadBatch* batch = order->take();
    batch->size = 1;
    batch->packets[0] = {.mbuf = packet(number), .bucket = 7};
    order->push(batch, state, now);
    return batch;
  };
  SpreadBatch* stopped = add(1, BatchState::given, 100);
  add(2, BatchState::opened, 101);
  std::array<SpreadPacket, kBurst> packets;
  EXPECT_EQ(order->release(100 + kPatience - 1, &packets), 0U);
  EXPECT_EQ(order->release(100 + kPatience, &packets), 1U);
  EXPECT_EQ(number_of(packets[0].mbuf), 2U);
  EXPECT_EQ(order->given_up(), 1U);
  EXPECT_TRUE(order->empty());
  EXPECT_FALSE(stopped->give_back()) << "it is the opener's for good";
}

TEST(Resequencer, HasABoundedNumberOfBatches) {
  const auto order = std::make_unique<Resequencer>(kPatience);
  for (std::uint32_t i = 0; i < Resequencer::kBatches; ++i) {
    SpreadBatch* batch = order->take();
    ASSERT_NE(batch, nullptr);
    batch->size = 1;
    batch->packets[0] = {.mbuf = packet(i + 1), .bucket = 1};
    order->push(batch, i == 0 ? BatchState::given : BatchState::opened, 0);
  }
  EXPECT_EQ(order->take(), nullptr);
  std::array<SpreadPacket, kBurst> packets;
  EXPECT_EQ(order->release(1, &packets), 0U);
  order->give_up_oldest();
  for (std::uint32_t i = 1; i < Resequencer::kBatches; ++i) {
    ASSERT_EQ(order->release(1, &packets), 1U);
    EXPECT_EQ(number_of(packets[0].mbuf), i + 1);
  }
  EXPECT_TRUE(order->empty());
  EXPECT_NE(order->take(), nullptr);
}

}  // namespace
}  // namespace gotthard::dataplane
