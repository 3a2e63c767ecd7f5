#include "perf/latency/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace gotthard::perf::latency {

// The leading kBits + 1 bits say where, the number of bits behind them in which row; below 128
// there are none behind.
std::size_t Histogram::bucket_of(std::uint64_t value) {
  const int behind = std::max(0, static_cast<int>(std::bit_width(value) - kBits) - 1);
  return (static_cast<std::size_t>(behind) << kBits) + (value >> behind);
}

std::uint64_t Histogram::greatest_of(std::size_t bucket) const {
  constexpr std::size_t kRow = std::size_t{1} << kBits;
  if (bucket < 2 * kRow) {
    return bucket;
  }
  const std::size_t behind = bucket / kRow - 1;
  const std::uint64_t next = std::uint64_t{bucket - behind * kRow + 1} << behind;
  return std::min(next - 1, max_);
}

void Histogram::add(std::uint64_t value) {
  ++counts_[bucket_of(value)];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) {
    counts_[i] += other.counts_[i];
  }
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

std::uint64_t Histogram::percentile(double share) const {
  const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    below += counts_[i];
    if (counts_[i] > 0 && below >= rank) {
      return greatest_of(i);
    }
  }
  return max_;
}

std::vector<Histogram::Point> Histogram::ccdf() const {
  std::vector<Point> points;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (counts_[i] > 0) {
      below += counts_[i];
      points.push_back(
          {.value = greatest_of(i),
           .above = static_cast<double>(count_ - below) / static_cast<double>(count_)});
    }
  }
  return points;
}

}  // namespace gotthard::perf::latency
