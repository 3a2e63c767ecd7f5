// A call that is timed with secrets of two classes: one that is always the same, one that varies.
// In all else the classes are alike: the order is random, each call's secrets lie in a slot of
// their own, fixed ones too, and are copied from there to the same place.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "tests/constant_time/random.h"
#include "tests/constant_time/welch.h"

namespace gotthard::constant_time {

struct Experiment {
  std::string name;
  std::size_t slot_size = 0;  // bytes
  // Before a series of calls: the secrets of one of them.
  std::function<void(Class, Random&, std::span<std::byte> slot)> prepare;
  // Right before a call: to the place where it finds them.
  std::function<void(std::span<const std::byte> slot)> load;
  // What is timed.
  std::function<std::uint64_t()> call;
  // What each call returns, whatever the class.
  std::uint64_t expected = 0;
};

struct Round {
  Comparison comparison;
  std::size_t calls = 0;
  bool as_expected = true;
};

[[nodiscard]] Round run_round(const Experiment& experiment, Random& random, double seconds);

// Whether rounds that have nothing in common but the experiment say the same: one of the tests has
// the classes apart in each of them, in the same direction.
[[nodiscard]] bool differ(std::span<const Round> rounds);
// How far: the least of the rounds' t, of the test where that is greatest.
[[nodiscard]] double strongest(std::span<const Round> rounds);

inline constexpr std::size_t kRounds = 3;

}  // namespace gotthard::constant_time
