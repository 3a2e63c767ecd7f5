#include <fmt/format.h>

#include "perf/report/markup.h"
#include "perf/report/plot.h"
#include "perf/report/scale.h"

namespace gotthard::perf::report {
namespace {

// In units of the viewBox; the page scales it.
constexpr double kWidth = 480;
constexpr double kLeft = 58;
constexpr double kRight = 22;
constexpr double kTop = 30;
constexpr double kBottom = 275;  // of the field, below which are names, a label and the legend
constexpr double kLegend = 325;
constexpr double kLegendRow = 16;

class Drawing {
 public:
  explicit Drawing(const LinePlot& plot)
      : plot_(plot),
        x_(plot.x.logarithmic, kLeft, kWidth - kRight),
        y_(plot.y.logarithmic, kBottom, kTop) {
    for (const Series& series : plot.series) {
      for (const auto& [x, y] : series.points) {
        if (x_.has(x) && y_.has(y)) {
          x_.include(x);
          y_.include(y);
        }
      }
    }
    x_.round_out();
    y_.round_out();
    if (!plot.x.names.empty()) {
      x_.set_places(plot.x.names.size());
    }
  }

  [[nodiscard]] std::string draw() const {
    const std::size_t legend_rows = (plot_.series.size() + 1) / 2;
    std::string text = fmt::format(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {} {}' role='img'>\n"
        "<title>{}</title>\n<text class='title' x='{}' y='18'>{}</text>\n",
        kWidth, kLegend + static_cast<double>(legend_rows) * kLegendRow, escape(plot_.title), kLeft,
        escape(plot_.title));
    text += grid() + labels();
    for (std::size_t i = 0; i < plot_.series.size(); ++i) {
      text += line(plot_.series[i]) + legend(plot_.series[i], i);
    }
    return text + "</svg>\n";
  }

 private:
  [[nodiscard]] std::string grid() const {
    std::string text;
    for (const double value : y_.ticks()) {
      text += fmt::format(
          "<line class='grid' x1='{0}' x2='{1}' y1='{2:.1f}' y2='{2:.1f}'/><text x='{3}' "
          "y='{4:.1f}' text-anchor='end'>{5}</text>\n",
          kLeft, kWidth - kRight, y_.place(value), kLeft - 6, y_.place(value) + 4, y_.name(value));
    }
    if (!plot_.x.names.empty()) {
      for (std::size_t i = 0; i < plot_.x.names.size(); ++i) {
        text += x_name(x_.place(static_cast<double>(i)), plot_.x.names[i]);
      }
      return text;
    }
    for (const double value : x_.ticks()) {
      text += fmt::format("<line class='grid' x1='{0:.1f}' x2='{0:.1f}' y1='{1}' y2='{2}'/>",
                          x_.place(value), kTop, kBottom);
      text += x_name(x_.place(value), x_.name(value));
    }
    return text;
  }
  [[nodiscard]] static std::string x_name(double place, const std::string& name) {
    return fmt::format("<text x='{:.1f}' y='{}' text-anchor='middle'>{}</text>\n", place,
                       kBottom + 16, escape(name));
  }
  [[nodiscard]] std::string labels() const {
    const double middle = (kTop + kBottom) / 2;
    return fmt::format(
        "<text x='{:.1f}' y='{}' text-anchor='middle'>{}</text>\n"
        "<text transform='translate(13,{:.1f}) rotate(-90)' text-anchor='middle'>{}</text>\n",
        (kLeft + kWidth - kRight) / 2, kBottom + 33, escape(plot_.x.label), middle,
        escape(plot_.y.label));
  }
  [[nodiscard]] std::string stroke(const Series& series) const {
    return fmt::format(
        "class='line l{}'{}", series.colour % kColours,
        series.dashes.empty() ? "" : fmt::format(" stroke-dasharray='{}'", escape(series.dashes)));
  }
  [[nodiscard]] std::string line(const Series& series) const {
    std::string points;
    std::string marks;
    for (const auto& [x, y] : series.points) {
      if (!x_.has(x) || !y_.has(y)) {
        continue;
      }
      points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", x_.place(x), y_.place(y));
      if (series.marks) {
        marks += fmt::format(
            "<circle class='f{}' cx='{:.1f}' cy='{:.1f}' r='3'><title>{}: "
            "{:.4g}</title></circle>\n",
            series.colour % kColours, x_.place(x), y_.place(y), escape(series.name), y);
      }
    }
    return fmt::format("<polyline {} points='{}'/>\n", stroke(series), points) + marks;
  }
  [[nodiscard]] std::string legend(const Series& series, std::size_t index) const {
    const double x = index % 2 == 0 ? kLeft : (kLeft + kWidth) / 2;
    const std::size_t rows_above = index / 2;
    const double y = kLegend + static_cast<double>(rows_above) * kLegendRow;
    return fmt::format(
        "<line {0} x1='{1}' x2='{2}' y1='{3}' y2='{3}'/><text x='{4}' y='{5}'>{6}</text>\n",
        stroke(series), x, x + 24, y, x + 30, y + 4, escape(series.name));
  }

  const LinePlot& plot_;
  Scale x_;
  Scale y_;
};

}  // namespace

std::string svg(const LinePlot& plot) {
  const bool any = std::any_of(plot.series.begin(), plot.series.end(),
                               [](const Series& series) { return !series.points.empty(); });
  if (!any) {
    return fmt::format("<p>{}: nothing was measured.</p>\n", escape(plot.title));
  }
  return Drawing(plot).draw();
}

}  // namespace gotthard::perf::report
