// Whether two classes of times differ: Welch's t-test as dudect uses it (Reparaz, Balasch,
// Verbauwhede: "Dude, is my code constant time?", 2016). Times have a long tail that has nothing to
// do with the code, so the test is made on all of them and on those below several percentiles; and
// once on the squares of their distances from their class's mean, which finds classes that differ
// in how much they vary.
//
// What is tested is not that means are the same, but that they are within a margin. Without it one
// run in six called OpenSSL's AES-GCM leaking, by 3 cycles of 11,000, which other runs did not
// repeat; why is not known. A branch that is mispredicted or a line that is not in a cache takes
// ten cycles and more.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gotthard::constant_time {

enum class Class : std::uint8_t { fixed, varied };

struct Sample {
  Class of;
  std::uint32_t cycles;
};

// Share of the times that a test keeps; the last test is that of squares.
inline constexpr std::array kKept = {1.0, 0.999, 0.99, 0.95, 0.9, 0.75, 0.5, 0.25};
inline constexpr double kKeptForSquares = 0.95;
inline constexpr std::size_t kTests = kKept.size() + 1;

// Of the lesser mean.
inline constexpr double kMargin = 1.0 / 2000;
inline constexpr double kMarginOfSquares = 1.0 / 50;

// Standard errors that are not by chance. Of nine tests of a round one in 16,000 is as far apart
// without a cause: three rounds of the same test and sign practically never.
inline constexpr double kApart = 4.5;

struct Comparison {
  // Of each test: standard errors that the means are apart beyond the margin, positive when the
  // varied class takes longer.
  std::array<double, kTests> t{};
  double median = 0;       // cycles
  double seen = INFINITY;  // difference of means that would be found, cycles
};

// Reorders the samples.
[[nodiscard]] Comparison compare(std::span<Sample> samples);

}  // namespace gotthard::constant_time
