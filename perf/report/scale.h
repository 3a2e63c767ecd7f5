// From values to places in a plot, and the values that are worth a grid line.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace gotthard::perf::report {

class Scale {
 public:
  // `from` is the place of the least value, `to` of the greatest, in the plot's units.
  Scale(bool logarithmic, double from, double to)
      : logarithmic_(logarithmic), from_(from), to_(to) {}

  void include(double value) {
    if (has(value)) {
      least_ = std::min(least_, value);
      greatest_ = std::max(greatest_, value);
    }
  }
  // Ends at whole decades, or at 0 and a round number.
  void round_out() {
    if (!(greatest_ >= least_)) {
      least_ = greatest_ = 1;
    }
    if (logarithmic_) {
      least_ = std::pow(10, std::floor(std::log10(least_)));
      greatest_ = std::pow(10, std::ceil(std::log10(greatest_)));
      greatest_ = greatest_ > least_ ? greatest_ : least_ * 10;
    } else {
      least_ = std::min(0.0, least_);
      step_ = round_step(greatest_ - least_);
      greatest_ = least_ + step_ * std::max(1.0, std::ceil((greatest_ - least_) / step_));
    }
  }
  // Instead of values: `count` places side by side.
  void set_places(std::size_t count) {
    least_ = -0.5;
    greatest_ = static_cast<double>(count) - 0.5;
  }

  [[nodiscard]] bool has(double value) const { return !logarithmic_ || value > 0; }
  [[nodiscard]] double place(double value) const {
    const auto scaled = [&](double v) { return logarithmic_ ? std::log10(v) : v; };
    const double share = (scaled(value) - scaled(least_)) / (scaled(greatest_) - scaled(least_));
    return from_ + share * (to_ - from_);
  }
  [[nodiscard]] std::vector<double> ticks() const {
    std::vector<double> values;
    const double end = greatest_ * (1 + 1e-9);
    for (double value = least_; value <= end; value = logarithmic_ ? value * 10 : value + step_) {
      values.push_back(value);
    }
    return values;
  }
  // Of a tick. Short: it stands beside the field.
  [[nodiscard]] std::string name(double value) const {
    const bool power = logarithmic_ && (value < 0.0009 || value > 99'999);
    return power ? fmt::format("1e{:.0f}", std::log10(value)) : fmt::format("{:.6g}", value);
  }

 private:
  // 1, 2 or 5 times a power of ten: four to eight steps.
  static double round_step(double width) {
    const double power = std::pow(10, std::floor(std::log10(width > 0 ? width : 1)));
    const double first = width > 0 ? width / power : 1;
    return power * (first < 1.5 ? 0.2 : first < 4 ? 0.5 : first < 8 ? 1 : 2);
  }

  bool logarithmic_;
  double from_;
  double to_;
  double least_ = std::numeric_limits<double>::infinity();
  double greatest_ = -std::numeric_limits<double>::infinity();
  double step_ = 1;
};

}  // namespace gotthard::perf::report
