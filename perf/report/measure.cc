#include "perf/report/measure.h"

#include "perf/report/child.h"
#include "perf/report/progress.h"

namespace gotthard::perf::report {
namespace {

// A latency run shares its time among its loads and the maximum; a scale run takes it for each
// number of tunnels; an aead run has its own.
void add_seconds(Arguments* arguments, double seconds) {
  const std::string verb = arguments->front();
  if (verb == "aead") {
    return;
  }
  const double factor = verb == "latency" ? 4 : verb == "scale" ? 0.5 : 1;
  arguments->insert(arguments->end(), {"--seconds", fmt::format("{}", seconds * factor)});
}

}  // namespace

std::vector<Point> measure(const std::vector<Arguments>& grid, unsigned starts, double seconds,
                           std::FILE* progress) {
  std::vector<Point> points;
  for (const Arguments& arguments : grid) {
    points.push_back({.arguments = arguments, .starts = {}, .errors = {}});
  }
  Progress shown(progress, points.size() * starts);
  for (unsigned start = 0; start < starts; ++start) {
    for (Point& point : points) {
      shown.begin(joined(point.arguments));
      Arguments arguments = point.arguments;
      add_seconds(&arguments, seconds);
      if (auto printed = run_self(std::move(arguments))) {
        point.starts.push_back(std::move(*printed));
      } else {
        point.errors.push_back(printed.error().message);
        shown.failed(printed.error().message);
      }
    }
  }
  return points;
}

}  // namespace gotthard::perf::report
