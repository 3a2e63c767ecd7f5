#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "perf/aead/report.h"

namespace gotthard::perf {
namespace {

constexpr double kWidth = 420;
constexpr double kHeight = 300;
constexpr double kLeft = 45;
constexpr double kTop = 30;
constexpr double kRight = 15;
constexpr double kBottom = 40;

struct Line {
  WorkingSet working_set;
  std::uint32_t sessions;
  const char* colour;
};
constexpr std::array<Line, 4> kLines{{{WorkingSet::hot, 1, "#1f77b4"},
                                      {WorkingSet::hot, 32, "#2ca02c"},
                                      {WorkingSet::cold, 1, "#d62728"},
                                      {WorkingSet::cold, 32, "#9467bd"}}};

// The cells of one suite and direction, drawn with the panel's corner at 0, 0.
class Panel {
 public:
  explicit Panel(std::vector<Measurement> cells) : cells_(std::move(cells)) {
    for (const Measurement& cell : cells_) {
      const std::string size = size_name(cell.scenario);
      if (std::find(sizes_.begin(), sizes_.end(), size) == sizes_.end()) {
        sizes_.push_back(size);
      }
      top_ = std::max(top_, std::ceil(cell.ratio));
    }
  }

  [[nodiscard]] std::string draw() const {
    const Measurement& first = cells_.front();
    std::string text =
        fmt::format("<text x='{}' y='18' font-weight='bold'>{} {}: {} against {}</text>\n", kLeft,
                    suite_name(first.scenario.suite), direction_name(first.scenario.direction),
                    first.backend, crypto::name_of(first.scenario.baseline));
    for (double ratio = 0; ratio <= top_; ratio += 1) {
      text += fmt::format(
          "<line x1='{0}' x2='{1}' y1='{2:.1f}' y2='{2:.1f}' stroke='{3}'/><text x='{4}' "
          "y='{2:.1f}' text-anchor='end'>{5}</text>\n",
          kLeft, kWidth - kRight, y(ratio), ratio == 1 ? "#000" : "#ddd", kLeft - 5, ratio);
    }
    for (std::size_t i = 0; i < sizes_.size(); ++i) {
      text += fmt::format("<text x='{:.1f}' y='{}' text-anchor='middle'>{}</text>\n", x(i),
                          kHeight - kBottom + 16, sizes_[i]);
    }
    for (std::size_t i = 0; i < kLines.size(); ++i) {
      text += draw(kLines[i]);
      text += fmt::format("<text x='{}' y='{}' fill='{}'>{}, {} session{}</text>\n",
                          kLeft + 5 + 95 * static_cast<double>(i), kHeight - 8, kLines[i].colour,
                          working_set_name(kLines[i].working_set), kLines[i].sessions,
                          kLines[i].sessions == 1 ? "" : "s");
    }
    return text;
  }

 private:
  [[nodiscard]] double x(std::size_t index) const {
    return kLeft + (static_cast<double>(index) + 0.5) * (kWidth - kLeft - kRight) /
                       static_cast<double>(sizes_.size());
  }
  [[nodiscard]] double y(double ratio) const {
    return kHeight - kBottom - ratio / top_ * (kHeight - kTop - kBottom);
  }
  [[nodiscard]] std::string draw(const Line& line) const {
    std::string points;
    for (const Measurement& cell : cells_) {
      if (cell.scenario.working_set == line.working_set &&
          cell.scenario.sessions == line.sessions) {
        const auto place =
            std::find(sizes_.begin(), sizes_.end(), size_name(cell.scenario)) - sizes_.begin();
        points += fmt::format("{:.1f},{:.1f} ", x(static_cast<std::size_t>(place)), y(cell.ratio));
      }
    }
    return fmt::format("<polyline points='{}' fill='none' stroke='{}' stroke-width='2'/>\n", points,
                       line.colour);
  }

  std::vector<Measurement> cells_;
  std::vector<std::string> sizes_;
  double top_ = 2;
};

}  // namespace

std::string svg(const std::vector<Measurement>& cells) {
  std::vector<Panel> panels;
  for (auto first = cells.begin(); first != cells.end();) {
    const auto last = std::find_if(first, cells.end(), [&](const Measurement& cell) {
      return cell.scenario.suite != first->scenario.suite ||
             cell.scenario.direction != first->scenario.direction;
    });
    panels.emplace_back(std::vector<Measurement>(first, last));
    first = last;
  }
  const double rows = std::ceil(static_cast<double>(panels.size()) / 2);
  std::string text = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' width='{0}' height='{1}' viewBox='0 0 {0} {1}' "
      "font-family='sans-serif' font-size='11'>\n<rect width='{0}' height='{1}' fill='#fff'/>\n",
      2 * kWidth, rows * kHeight);
  for (std::size_t i = 0; i < panels.size(); ++i) {
    text += fmt::format("<g transform='translate({},{})'>\n{}</g>\n",
                        static_cast<double>(i % 2) * kWidth, static_cast<double>(i / 2) * kHeight,
                        panels[i].draw());
  }
  return text + "</svg>\n";
}

}  // namespace gotthard::perf
