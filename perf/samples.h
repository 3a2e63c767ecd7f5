// What was timed, with what a probe of the core took around it. Only samples count that were taken
// while the core was quiet; of these the median.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gotthard::perf {

struct Sample {
  double value;
  std::uint64_t probe;  // the longer of those before and after
};

class Samples {
 public:
  void add(double value, std::uint64_t probe) { samples_.push_back({value, probe}); }
  [[nodiscard]] std::size_t size() const { return samples_.size(); }

  // The shortest probes of a run are what the work takes when nobody disturbs; what takes a little
  // longer is as good.
  [[nodiscard]] std::uint64_t quiet_limit() const {
    std::vector<std::uint64_t> probes;
    for (const Sample& sample : samples_) {
      probes.push_back(sample.probe);
    }
    std::sort(probes.begin(), probes.end());
    return probes.empty() ? 0 : probes[probes.size() / 50] * 104 / 100;
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
  std::vector<Sample> samples_;
};

}  // namespace gotthard::perf
