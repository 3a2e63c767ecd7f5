// Texts by number that outlive control: against a model, and with ends in the middle of a write.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "control/checkpoint/state_store.h"

namespace gotthard::checkpoint {
namespace {

using Model = std::map<std::uint64_t, std::string>;

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

Model contents(const StateStore& store) {
  Model found;
  store.for_each([&](std::uint64_t key, std::span<const std::byte> text) {
    found[key] = std::string(reinterpret_cast<const char*>(text.data()), text.size());
  });
  return found;
}

TEST(StateStore, KeepsWhatWasWrittenLast) {
  std::vector<std::byte> memory(16 * StateStore::kGranule);
  {
    StateStore store(memory);
    EXPECT_TRUE(store.write(7, bytes("one")));
    EXPECT_TRUE(store.write(7, bytes(std::string(600, 'x'))));
    EXPECT_TRUE(store.write(8, bytes("")));
    store.remove(9);
  }
  StateStore again(memory);
  EXPECT_EQ(contents(again), (Model{{7, std::string(600, 'x')}, {8, ""}}));
  again.remove(7);
  EXPECT_EQ(contents(StateStore(memory)), (Model{{8, ""}}));
}

TEST(StateStore, SaysWhenThereIsNoRoom) {
  std::vector<std::byte> memory(4 * StateStore::kGranule);
  StateStore store(memory);
  EXPECT_TRUE(store.write(1, bytes(std::string(300, 'a'))));
  EXPECT_FALSE(store.write(2, bytes(std::string(600, 'b'))));
  EXPECT_FALSE(store.write(1, bytes(std::string(600, 'c')))) << "beside the old one";
  EXPECT_EQ(contents(store), (Model{{1, std::string(300, 'a')}}));
  EXPECT_TRUE(store.write(1, bytes(std::string(300, 'd'))));
  EXPECT_FALSE(store.write(3, bytes(std::string(StateStore::kLongest + 1, 'e'))));
}

// Nothing of a secret stays once it was replaced or removed.
TEST(StateStore, WipesWhatIsOver) {
  std::vector<std::byte> memory(32 * StateStore::kGranule);
  const std::string secret = "a secret of an IKE SA";
  const auto holds = [&] {
    return std::search(memory.begin(), memory.end(), bytes(secret).begin(), bytes(secret).end()) !=
           memory.end();
  };
  StateStore store(memory);
  EXPECT_TRUE(store.write(1, bytes(secret)));
  EXPECT_TRUE(holds());
  EXPECT_TRUE(store.write(1, bytes("other")));
  EXPECT_FALSE(holds());
  EXPECT_TRUE(store.write(2, bytes(secret)));
  store.remove(2);
  EXPECT_FALSE(holds());
}

// A control that dies while it writes has written a part of the text, or also a part of its header.
TEST(StateStore, AnEndInTheMiddleLeavesTheOldOne) {
  constexpr std::size_t kHeader = 56;
  std::vector<std::byte> before(16 * StateStore::kGranule);
  StateStore first(before);
  ASSERT_TRUE(first.write(5, bytes("the old one")));
  std::vector<std::byte> after = before;
  StateStore second(after);
  ASSERT_TRUE(second.write(5, bytes(std::string(700, 'n'))));
  // Where the new one stands: after the old one's granule.
  const std::size_t start = StateStore::kGranule;
  for (std::size_t written = 0; written < kHeader + 700; written += 13) {
    std::vector<std::byte> torn = before;
    // The text comes first, then the header.
    const std::size_t text = std::min<std::size_t>(written, 700);
    std::copy_n(after.begin() + static_cast<std::ptrdiff_t>(start + kHeader), text,
                torn.begin() + static_cast<std::ptrdiff_t>(start + kHeader));
    std::copy_n(after.begin() + static_cast<std::ptrdiff_t>(start), written - text,
                torn.begin() + static_cast<std::ptrdiff_t>(start));
    ASSERT_EQ(contents(StateStore(torn)), (Model{{5, "the old one"}})) << written;
  }
  // Whole, with the old one not wiped yet: the younger one counts, and the old one goes.
  std::vector<std::byte> both = before;
  std::copy_n(after.begin() + static_cast<std::ptrdiff_t>(start), kHeader + 700,
              both.begin() + static_cast<std::ptrdiff_t>(start));
  EXPECT_EQ(contents(StateStore(both)), (Model{{5, std::string(700, 'n')}}));
  EXPECT_EQ(StateStore(both).size(), 1U);
}

RC_GTEST_PROP(StateStoreProperty, IsAMapThatOutlivesItsProgram, ()) {
  std::vector<std::byte> memory(64 * StateStore::kGranule);
  auto store = std::make_unique<StateStore>(memory);
  Model model;
  const std::size_t steps = *rc::gen::inRange<std::size_t>(1, 60);
  for (std::size_t i = 0; i < steps; ++i) {
    const std::uint64_t key = *rc::gen::inRange<std::uint64_t>(0, 6);
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        store->remove(key);
        model.erase(key);
        break;
      case 1:
        store = std::make_unique<StateStore>(memory);
        break;
      default: {
        const std::string text(*rc::gen::inRange<std::size_t>(0, 1500),
                               static_cast<char>('a' + i % 26));
        // Six of at most seven granules, and one beside them, always fit.
        RC_ASSERT(store->write(key, bytes(text)));
        model[key] = text;
      }
    }
    RC_ASSERT(contents(*store) == model);
    RC_ASSERT(store->size() == model.size());
  }
}

}  // namespace
}  // namespace gotthard::checkpoint
