// What was timed, with what a probe of the core took around it. Only samples count that were taken
// while the core was quiet; of these the median.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gotthard::perf {

class Samples;
// The shortest probes of a run are what the work takes when nobody disturbs; what takes a little
// longer is as good. One limit for all that is compared: what was disturbed all the time has no
// shortest probe of its own to be measured by.
[[nodiscard]] std::uint64_t quiet_limit(std::span<const Samples> all);

struct Sample {
  double value;
  std::uint64_t probe;  // the longer of those before and after
};

class Samples {
 public:
  void add(double value, std::uint64_t probe) { samples_.push_back({value, probe}); }
  [[nodiscard]] std::size_t size() const { return samples_.size(); }

  [[nodiscard]] bool any_quiet(std::uint64_t limit) const {
    return std::any_of(samples_.begin(), samples_.end(),
                       [&](const Sample& s) { return s.probe <= limit; });
  }
  [[nodiscard]] double quiet_share(std::uint64_t limit) const {
    const auto quiet = std::count_if(samples_.begin(), samples_.end(),
                                     [&](const Sample& s) { return s.probe <= limit; });
    return samples_.empty() ? 0 : static_cast<double>(quiet) / static_cast<double>(samples_.size());
  }
  // Of all when none was quiet; 0 of none.
  [[nodiscard]] double median(std::uint64_t limit) const {
    std::vector<double> values;
    for (const bool any : {false, true}) {
      for (const Sample& sample : samples_) {
        if (any || sample.probe <= limit) {
          values.push_back(sample.value);
        }
      }
      if (!values.empty()) {
        break;
      }
    }
    if (values.empty()) {
      return 0;
    }
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }

 private:
  friend std::uint64_t quiet_limit(std::span<const Samples> all);
  std::vector<Sample> samples_;
};

inline std::uint64_t quiet_limit(std::span<const Samples> all) {
  std::vector<std::uint64_t> probes;
  for (const Samples& samples : all) {
    for (const Sample& sample : samples.samples_) {
      probes.push_back(sample.probe);
    }
  }
  if (probes.empty()) {
    return 0;
  }
  const auto place = probes.begin() + static_cast<std::ptrdiff_t>(probes.size() / 50);
  std::nth_element(probes.begin(), place, probes.end());
  return *place * 104 / 100;
}

}  // namespace gotthard::perf
