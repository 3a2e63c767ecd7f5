// A histogram of values of any magnitude, each kept to 1.6 % (log-linear, as HdrHistogram): 64
// buckets for each power of two, exact below 128. What it takes does not grow with what is added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gotthard::perf::latency {

class Histogram {
 public:
  Histogram() : counts_(kBuckets) {}

  void add(std::uint64_t value);
  void add(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }  // exact; 0 of none
  [[nodiscard]] double mean() const;                        // exact; 0 of none
  // The least value that `share` (0 to 1) of all do not exceed, 0 of none.
  [[nodiscard]] std::uint64_t percentile(double share) const;

  // The complementary distribution function, falling: by bucket that holds any, the share of all
  // that is greater than its greatest value. The last one is max() and 0.
  struct Point {
    std::uint64_t value = 0;
    double above = 0;
  };
  [[nodiscard]] std::vector<Point> ccdf() const;

 private:
  static constexpr unsigned kBits = 6;
  static constexpr std::size_t kBuckets = (64 - kBits + 1) << kBits;
  static std::size_t bucket_of(std::uint64_t value);
  [[nodiscard]] std::uint64_t greatest_of(std::size_t bucket) const;

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace gotthard::perf::latency
