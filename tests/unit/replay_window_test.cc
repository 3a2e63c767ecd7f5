// The anti-replay window against a model, under every interleaving of small programs, and with each
// of its safeguards removed in turn: the same checks must then fail.
#include "dataplane/table/replay_window.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "interleavings.h"

namespace gotthard::dataplane {
namespace {

using Counters = std::vector<std::uint64_t>;
using Verdicts = std::vector<WindowVerdict>;
using test::Interleavings;

constexpr std::uint64_t kPast = ~std::uint64_t{0};
constexpr std::uint32_t kSmall = 1024;  // packets: 16 slots
constexpr std::uint64_t kBases[] = {0, (std::uint64_t{1} << 32) - 700,
                                    (std::uint64_t{1} << 63) - 700, kPast - 40000, kPast - 700};

struct Observed : ExactWindow {
  static void access() { Interleavings::access(); }
};
struct SwapNotAtomic : Observed {
  static constexpr bool kAtomicSwap = false;
};
struct OlderNotRefused : Observed {
  static constexpr bool kRefuseOlder = false;
};
struct BitsBeforeBlock : Observed {
  static constexpr bool kBlockBeforeBits = false;
};
struct AcceptsWhatItAsked : Observed {
  static constexpr bool kAcceptNewOnly = false;
};
struct BurstNotChecked : Observed {
  static constexpr bool kCheckBurst = false;
};

template <typename Policy>
struct Window {
  explicit Window(std::uint32_t packets)
      : memory(static_cast<std::byte*>(
            std::aligned_alloc(64, BasicReplayWindow<Policy>::memory_size(packets)))) {
    window.attach(memory.get(), packets);
  }
  Verdicts commit(const Counters& counters) {
    Verdicts verdicts(counters.size());
    window.commit(counters, verdicts);
    return verdicts;
  }
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> memory;
  BasicReplayWindow<Policy> window;
};

// One packet after the other, everything ever accepted remembered.
class Model {
 public:
  explicit Model(std::uint64_t packets) : slots_(packets / 64) {}
  [[nodiscard]] WindowVerdict check(std::uint64_t counter) const {
    const auto slot = newest_.find(counter / 64 % slots_);
    if (slot != newest_.end() && slot->second > counter / 64) {
      return WindowVerdict::late;
    }
    return accepted_.count(counter) != 0 ? WindowVerdict::replay : WindowVerdict::accept;
  }
  WindowVerdict commit(std::uint64_t counter) {
    const WindowVerdict verdict = check(counter);
    if (verdict == WindowVerdict::accept) {
      accepted_.insert(counter);
      newest_[counter / 64 % slots_] = counter / 64;
    }
    return verdict;
  }
  [[nodiscard]] std::uint64_t received() const {
    return accepted_.empty() ? 0 : *accepted_.rbegin() + 1;
  }
  // Whatever the model's idea of lateness: this close to the greatest, nothing new may be refused.
  [[nodiscard]] bool must_accept(std::uint64_t counter) const {
    return accepted_.count(counter) == 0 && (accepted_.empty() || counter > *accepted_.rbegin() ||
                                             *accepted_.rbegin() / 64 - counter / 64 < slots_);
  }

 private:
  std::uint64_t slots_;
  std::set<std::uint64_t> accepted_;
  std::map<std::uint64_t, std::uint64_t> newest_;
};

// ------------------------------------------------- checks: what is wrong, or nothing

template <typename Policy>
std::optional<std::string> one_after_the_other(std::uint32_t packets, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const std::uint64_t base : kBases) {
    Window<Policy> subject(packets);
    Model model(packets);
    std::uint64_t front = base;
    for (int burst = 0; burst < 400; ++burst) {
      const std::uint64_t step = random() % 40 == 0 ? packets * (random() % 3) : random() % 50;
      front = kPast - front < step ? kPast : front + step;
      Counters counters;
      Verdicts expected;
      std::uint64_t counter = front;
      for (std::uint64_t i = random() % 33; i > 0; --i) {
        switch (random() % 5) {
          case 0:  // anywhere near
            counter = front - std::min(front, random() % (2 * packets));
            break;
          case 1:  // once more
            break;
          default:  // in order
            counter = counter == kPast ? counter : counter + 1;
        }
        if (subject.window.precheck(counter) != model.check(counter) && counters.empty()) {
          return "precheck";
        }
        counters.push_back(counter);
      }
      for (const std::uint64_t c : counters) {
        const bool must = model.must_accept(c);
        expected.push_back(model.commit(c));
        if (must && expected.back() != WindowVerdict::accept) {
          return "window too small";
        }
      }
      if (subject.commit(counters) != expected) {
        return "verdict";
      }
      if (subject.window.received() != model.received()) {
        return "received";
      }
    }
  }
  return std::nullopt;
}

// `before` is committed first, then the bursts of each program, the programs in any interleaving.
template <typename Policy>
std::optional<std::string> side_by_side(const Counters& before,
                                        const std::vector<std::vector<Counters>>& programs,
                                        std::size_t* orders = nullptr) {
  std::unique_ptr<Window<Policy>> subject;
  std::vector<std::vector<Verdicts>> results;
  std::optional<std::string> wrong;
  const auto start = [&] {
    subject = std::make_unique<Window<Policy>>(kSmall);
    (void)subject->commit(before);
    results.assign(programs.size(), {});
    std::vector<Interleavings::Program> runs;
    for (std::size_t i = 0; i < programs.size(); ++i) {
      runs.emplace_back([&, i] {
        for (const Counters& burst : programs[i]) {
          results[i].push_back(subject->commit(burst));
        }
      });
    }
    return runs;
  };
  const auto check = [&] {
    std::map<std::uint64_t, int> accepted;
    for (const std::uint64_t counter : before) {
      accepted[counter] = 1;
    }
    const auto each = [&](const auto& visit) {
      for (std::size_t i = 0; i < programs.size(); ++i) {
        for (std::size_t b = 0; b < programs[i].size(); ++b) {
          for (std::size_t c = 0; c < programs[i][b].size(); ++c) {
            visit(programs[i][b][c], results[i][b][c]);
          }
        }
      }
    };
    each([&](std::uint64_t counter, WindowVerdict verdict) {
      accepted[counter] += verdict == WindowVerdict::accept ? 1 : 0;
    });
    each([&](std::uint64_t counter, WindowVerdict verdict) {
      const bool left = subject->window.precheck(counter) == WindowVerdict::late;
      if (accepted[counter] > 1) {
        wrong = "accepted twice";
      } else if (verdict == WindowVerdict::late && !left) {
        wrong = "late although its block is there";
      } else if (verdict == WindowVerdict::replay && accepted[counter] == 0 && !left) {
        wrong = "refused as replay although never accepted";
      }
    });
    return !wrong;
  };
  const std::size_t runs = Interleavings::explore(start, check);
  if (orders != nullptr) {
    *orders += runs;
  }
  return wrong;
}

constexpr std::uint64_t kLap = kSmall;  // counters until a slot comes round

template <typename Policy>
std::optional<std::string> interleaved(std::size_t* orders = nullptr) {
  struct Scenario {
    Counters before;
    std::vector<std::vector<Counters>> programs;
  };
  for (const std::uint64_t base :
       {std::uint64_t{0}, std::uint64_t{1} << 32, kPast - 8 * kLap + 1}) {
    const std::vector<Scenario> scenarios = {
        // The same counters at two workers.
        {{}, {{{base}}, {{base}}}},
        {{base}, {{{base, base + 1}, {base + 2}}, {{base + 1, base + 2}}}},
        // One worker moves the slot while another still marks its old block.
        {{base, base + 1}, {{{base + kLap}, {base + kLap + 1}}, {{base + kLap + 1, base + kLap}}}},
        {{base + 5}, {{{base + kLap + 5}}, {{base + kLap + 6}}}},
        {{base}, {{{base + 1}, {base}}, {{base + kLap}, {base + 2 * kLap}}}},
        {{}, {{{base + 3}}, {{base + 3}}, {{base + kLap + 3}}}},
    };
    for (const Scenario& scenario : scenarios) {
      if (auto wrong = side_by_side<Policy>(scenario.before, scenario.programs, orders)) {
        return wrong;
      }
    }
  }
  return std::nullopt;
}

template <typename Policy>
std::optional<std::string> find_fault() {
  if (auto wrong = one_after_the_other<Policy>(kSmall, 1)) {
    return wrong;
  }
  return interleaved<Policy>();
}

// ------------------------------------------------- tests

TEST(ReplayWindow, AgreesWithTheModel) {
  for (const std::uint32_t packets : {1024U, 4096U, 65536U}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      EXPECT_EQ(one_after_the_other<ExactWindow>(packets, seed), std::nullopt);
    }
  }
}

TEST(ReplayWindow, HoldsInEveryInterleaving) {
  std::size_t orders = 0;
  EXPECT_EQ(interleaved<Observed>(&orders), std::nullopt);
  EXPECT_GT(orders, 1000U);
}

TEST(ReplayWindow, EachSafeguardIsNeeded) {
  EXPECT_NE(find_fault<SwapNotAtomic>(), std::nullopt);
  EXPECT_NE(find_fault<OlderNotRefused>(), std::nullopt);
  EXPECT_NE(find_fault<BitsBeforeBlock>(), std::nullopt);
  EXPECT_NE(find_fault<AcceptsWhatItAsked>(), std::nullopt);
  EXPECT_NE(find_fault<BurstNotChecked>(), std::nullopt);
}

TEST(ReplayWindow, FirstAndLastCounter) {
  Window<ExactWindow> subject(kSmall);
  EXPECT_EQ(subject.window.received(), 0U);
  EXPECT_EQ(subject.commit({0, 0}), (Verdicts{WindowVerdict::accept, WindowVerdict::replay}));
  EXPECT_EQ(subject.window.received(), 1U);
  EXPECT_EQ(subject.window.precheck(0), WindowVerdict::replay);
  EXPECT_EQ(subject.commit({kPast, kPast - 1, kPast}),
            (Verdicts{WindowVerdict::accept, WindowVerdict::accept, WindowVerdict::replay}));
  // Slot 0 has not moved: what is old but was never overtaken there is still told exactly.
  EXPECT_EQ(subject.commit({0, 1}), (Verdicts{WindowVerdict::replay, WindowVerdict::accept}));
  // The last slot has.
  EXPECT_EQ(subject.window.precheck(15 * 64), WindowVerdict::late);
}

TEST(ReplayWindow, MemoryIsWhatTheNumberOfPacketsNeeds) {
  EXPECT_EQ(ReplayWindow::memory_size(65536), 64U + 1024 * 16);
  EXPECT_EQ(ReplayWindow::memory_size(1), 64U + 16 * 16);
  EXPECT_EQ(ReplayWindow::memory_size(65537), 64U + 2048 * 16);
}

}  // namespace
}  // namespace gotthard::dataplane
