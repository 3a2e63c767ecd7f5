#include "perf/latency/line.h"

namespace gotthard::perf::latency {

Pacer::Pacer(Spacing spacing, double gap, std::uint64_t start, std::uint64_t seed)
    : spacing_(spacing), gap_(gap), random_(seed), next_(static_cast<double>(start)) {
  advance();
}

void Pacer::advance() {
  next_ +=
      spacing_ == Spacing::even ? gap_ : gap_ * std::exponential_distribution<double>(1.0)(random_);
}

void Line::arrive(std::uint64_t now) {
  while (pacer_.next() <= now) {
    if (waiting_.size() < depth_) {
      waiting_.push_back(pacer_.next());
    } else {
      ++lost_;
    }
    pacer_.advance();
  }
}

void Line::take(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    taken_.push_back(waiting_.front());
    waiting_.pop_front();
  }
}

}  // namespace gotthard::perf::latency
