#include <fmt/format.h>

#include <algorithm>

#include "perf/report/markup.h"
#include "perf/report/plot.h"
#include "perf/report/scale.h"

namespace gotthard::perf::report {
namespace {

constexpr double kWidth = 960;
constexpr double kLeft = 240;   // of the bars, whose names are before it
constexpr double kRight = 890;  // behind it are their sums
constexpr double kTop = 34;
constexpr double kRow = 24;
constexpr double kBar = 16;
constexpr std::size_t kLegendColumns = 7;

class Drawing {
 public:
  explicit Drawing(const BarPlot& plot) : plot_(plot), x_(false, kLeft, kRight) {
    for (const Bar& bar : plot.bars) {
      x_.include(sum(bar));
      for (const auto& [name, value] : bar.parts) {
        if (std::find(names_.begin(), names_.end(), name) == names_.end()) {
          names_.push_back(name);
        }
      }
    }
    x_.round_out();
  }

  [[nodiscard]] std::string draw() const {
    const double bottom = kTop + kRow * static_cast<double>(plot_.bars.size());
    const std::size_t legend_rows = (names_.size() + kLegendColumns - 1) / kLegendColumns;
    std::string text = fmt::format(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {} {}' role='img'>\n"
        "<title>{}</title>\n<text class='title' x='10' y='18'>{}</text>\n",
        kWidth, bottom + 50 + 18 * static_cast<double>(legend_rows), escape(plot_.title),
        escape(plot_.title));
    for (const double value : x_.ticks()) {
      text += fmt::format(
          "<line class='grid' x1='{0:.1f}' x2='{0:.1f}' y1='{1}' y2='{2}'/><text x='{0:.1f}' "
          "y='{3}' text-anchor='middle'>{4:.6g}</text>\n",
          x_.place(value), kTop - 4, bottom, bottom + 14, value);
    }
    text += fmt::format("<text x='{}' y='{}' text-anchor='middle'>{}</text>\n",
                        (kLeft + kRight) / 2, bottom + 30, escape(plot_.unit));
    for (std::size_t i = 0; i < plot_.bars.size(); ++i) {
      text += bar(plot_.bars[i], kTop + kRow * static_cast<double>(i));
    }
    return text + legend(bottom + 46) + "</svg>\n";
  }

 private:
  [[nodiscard]] static double sum(const Bar& bar) {
    double total = 0;
    for (const auto& [name, value] : bar.parts) {
      total += value;
    }
    return total;
  }
  [[nodiscard]] std::size_t colour(const std::string& name) const {
    const auto place = std::find(names_.begin(), names_.end(), name) - names_.begin();
    return static_cast<std::size_t>(place) % kColours;
  }
  [[nodiscard]] std::string bar(const Bar& bar, double y) const {
    std::string text = fmt::format("<text x='{}' y='{}' text-anchor='end'>{}</text>\n", kLeft - 8,
                                   y + 12, escape(bar.name));
    double done = 0;
    for (const auto& [name, value] : bar.parts) {
      text += fmt::format(
          "<rect class='f{}' x='{:.1f}' y='{}' width='{:.1f}' height='{}'><title>{}: "
          "{:.1f}</title></rect>\n",
          colour(name), x_.place(done), y, x_.place(done + value) - x_.place(done), kBar,
          escape(name), value);
      done += value;
    }
    return text +
           fmt::format("<text x='{:.1f}' y='{}'>{:.0f}</text>\n", x_.place(done) + 6, y + 12, done);
  }
  [[nodiscard]] std::string legend(double y) const {
    constexpr double kColumn = (kWidth - 20) / kLegendColumns;
    std::string text;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const double x = 10 + kColumn * static_cast<double>(i % kLegendColumns);
      const std::size_t rows_above = i / kLegendColumns;
      const double row = y + 18 * static_cast<double>(rows_above);
      text += fmt::format(
          "<rect class='f{}' x='{:.1f}' y='{}' width='12' height='12'/><text x='{:.1f}' "
          "y='{}'>{}</text>\n",
          colour(names_[i]), x, row, x + 18, row + 10, escape(names_[i]));
    }
    return text;
  }

  const BarPlot& plot_;
  Scale x_;
  std::vector<std::string> names_;
};

}  // namespace

std::string svg(const BarPlot& plot) {
  return plot.bars.empty() ? fmt::format("<p>{}: nothing was measured.</p>\n", escape(plot.title))
                           : Drawing(plot).draw();
}

}  // namespace gotthard::perf::report
