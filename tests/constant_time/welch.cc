#include "tests/constant_time/welch.h"

#include <algorithm>
#include <cmath>

namespace gotthard::constant_time {
namespace {

// Mean and variance in one pass (Welford).
class Moments {
 public:
  void add(double value) {
    ++count_;
    const double distance = value - mean_;
    mean_ += distance / count_;
    squares_ += distance * (value - mean_);
  }
  [[nodiscard]] double mean() const { return mean_; }
  // Of the mean, squared.
  [[nodiscard]] double error() const {
    return count_ > 1 ? squares_ / (count_ - 1) / count_ : INFINITY;
  }

 private:
  double count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

struct Welch {
  std::array<Moments, 2> classes;

  Moments& of(Class which) { return classes[static_cast<std::size_t>(which)]; }
  [[nodiscard]] double error() const { return std::sqrt(classes[0].error() + classes[1].error()); }
  [[nodiscard]] double margin(double share) const {
    return share * std::min(classes[0].mean(), classes[1].mean());
  }
  [[nodiscard]] double t(double share) const {
    const double apart = classes[1].mean() - classes[0].mean();
    const double beyond = std::max(0.0, std::abs(apart) - margin(share));
    // Times without any variance are apart by nothing, or by all.
    return beyond == 0 ? 0 : std::copysign(beyond / std::max(error(), 1e-9), apart);
  }
};

}  // namespace

Comparison compare(std::span<Sample> samples) {
  std::ranges::sort(samples, {}, &Sample::cycles);
  Comparison result;
  if (samples.empty()) {
    return result;
  }
  const auto kept = [&](double share) {
    return samples.first(static_cast<std::size_t>(share * static_cast<double>(samples.size())));
  };
  result.median = samples[samples.size() / 2].cycles;
  for (std::size_t i = 0; i < kKept.size(); ++i) {
    Welch test;
    for (const Sample& sample : kept(kKept[i])) {
      test.of(sample.of).add(sample.cycles);
    }
    result.t[i] = test.t(kMargin);
    result.seen = std::min(result.seen, test.margin(kMargin) + kApart * test.error());
    if (kKept[i] == kKeptForSquares) {
      Welch squares;
      for (const Sample& sample : kept(kKept[i])) {
        const double distance = sample.cycles - test.of(sample.of).mean();
        squares.of(sample.of).add(distance * distance);
      }
      result.t.back() = squares.t(kMarginOfSquares);
    }
  }
  return result;
}

}  // namespace gotthard::constant_time
