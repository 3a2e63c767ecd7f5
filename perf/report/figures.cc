#include "perf/report/figures.h"

#include <fmt/format.h>

namespace gotthard::perf::report {
namespace {

using nlohmann::ordered_json;

std::string number(double value) {
  const double size = value < 0 ? -value : value;
  const int digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return fmt::format("{:.{}f}", value, digits);
}

// One figure an element of the array `list`, which is called by the element's member `label`.
void add_each(std::vector<Figure>* figures, const ordered_json& start, const std::string& list,
              const std::string& label, const std::string& member, const char* name) {
  if (!start.contains(list) || !start[list].is_array()) {
    return;
  }
  for (std::size_t i = 0; i < start[list].size(); ++i) {
    const ordered_json& element = start[list][i];
    if (element.contains(label) && element[label].is_number()) {
      figures->push_back({.name = fmt::format(fmt::runtime(name), element[label].get<double>()),
                          .pointer = fmt::format("/{}/{}{}", list, i, member)});
    }
  }
}

}  // namespace

std::vector<Figure> figures_of(const Point& point) {
  std::vector<Figure> figures;
  if (point.failed()) {
    return figures;
  }
  const ordered_json& start = point.starts.front();
  if (start.contains("cycles_per_packet")) {
    figures.push_back({.name = "cycles a packet", .pointer = "/cycles_per_packet"});
  }
  add_each(&figures, start, "loads", "load_percent", "/undisturbed/p50_us",
           "p50 at {:g} % load, us");
  add_each(&figures, start, "loads", "load_percent", "/undisturbed/p99_us",
           "p99 at {:g} % load, us");
  add_each(&figures, start, "tunnels", "tunnels", "/cycles_per_packet",
           "tunnels {:g}: cycles a packet");
  if (start.contains("workers") && start["workers"].is_object()) {
    figures.push_back({.name = "one tunnel on two workers, to two tunnels",
                       .pointer = "/workers/all/one_tunnel_to_two_tunnels",
                       .less_is_better = false});
  }
  return figures;
}

std::string number(const std::optional<Spread>& spread) {
  return spread ? number(spread->median) : "-";
}

std::string range(const std::optional<Spread>& spread) {
  return spread ? fmt::format("{} to {}", number(spread->least), number(spread->greatest)) : "-";
}

}  // namespace gotthard::perf::report
