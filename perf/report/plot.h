// Plots as SVG, to stand in a page that has the colours (see page.cc): class `lN` draws a line in
// colour N, `fN` fills with it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gotthard::perf::report {

inline constexpr unsigned kColours = 10;

struct Axis {
  std::string label;
  bool logarithmic = false;
  std::vector<std::string> names;  // of the places 0, 1, ...; none: a scale of numbers
};

struct Series {
  std::string name;
  unsigned colour = 0;
  std::string dashes;  // as SVG's stroke-dasharray; none: a full line
  bool marks = true;   // a dot at each point, which says its value when pointed at
  std::vector<std::pair<double, double>> points;
};

struct LinePlot {
  std::string title;
  Axis x;
  Axis y;  // numbers; linear from 0
  std::vector<Series> series;
};

// Points that a logarithmic scale does not have (0 and below) are left out. Without any point: a
// sentence that says so.
[[nodiscard]] std::string svg(const LinePlot& plot);

struct Bar {
  std::string name;
  std::vector<std::pair<std::string, double>> parts;  // stacked; parts of one name have one colour
};

struct BarPlot {
  std::string title;
  std::string unit;
  std::vector<Bar> bars;
};

[[nodiscard]] std::string svg(const BarPlot& plot);

}  // namespace gotthard::perf::report
