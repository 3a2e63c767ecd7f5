#include "perf/report/grid.h"

#include <algorithm>

namespace gotthard::perf::report {
namespace {

class Points {
 public:
  // WireGuard and ESP have one AEAD in common, and working sets begin with what all points have.
  void add(Arguments point) {
    if (std::find(points_.begin(), points_.end(), point) == points_.end()) {
      points_.push_back(std::move(point));
    }
  }
  [[nodiscard]] std::vector<Arguments> take() { return std::move(points_); }

 private:
  std::vector<Arguments> points_;
};

}  // namespace

Arguments pipeline_point(const Path& path, const std::string& direction, const std::string& size,
                         const std::string& working_set) {
  return {"pipeline", "--protocol", path.protocol, "--suite",       path.suite, "--direction",
          direction,  "--size",     size,          "--working-set", working_set};
}

Arguments aead_point(const Path& path, const std::string& direction, const std::string& size) {
  return {"aead",   "--suite", path.suite, "--direction", direction == "encap" ? "seal" : "open",
          "--size", size};
}

Arguments memory_point(const std::string& working_set) {
  return {"memory", "--size", "1420", "--working-set", working_set};
}

Arguments latency_point(const Path& path) {
  return {"latency", "--protocol", path.protocol, "--suite", path.suite, "--load", "10,50,90"};
}

Arguments tunnels_point(const Path& path) {
  return {"scale",    "--protocol", path.protocol,        "--suite",
          path.suite, "--tunnels",  "1,10,100,1000,10000"};
}

Arguments workers_point(const Path& path) {
  return {"scale", "--protocol", path.protocol, "--suite", path.suite, "--workers"};
}

std::vector<Arguments> grid(bool quick, unsigned cpus) {
  Points points;
  if (quick) {
    points.add(pipeline_point(kPaths[0], kDirections[0], kSizes[0]));
    points.add(aead_point(kPaths[0], kDirections[0], kSizes[0]));
    points.add(memory_point(kWorkingSets[0]));
    points.add(latency_point(kPaths[0]));
    return points.take();
  }
  for (const Path& path : kPaths) {
    for (const char* direction : kDirections) {
      for (const char* size : kSizes) {
        points.add(pipeline_point(path, direction, size));
        points.add(aead_point(path, direction, size));
      }
    }
  }
  for (const char* working_set : kWorkingSets) {
    points.add(memory_point(working_set));
  }
  for (const Path& path : kFewPaths) {
    for (const char* direction : kDirections) {
      for (const char* working_set : kWorkingSets) {
        points.add(pipeline_point(path, direction, "1420", working_set));
      }
    }
    points.add(tunnels_point(path));
    if (cpus > 1) {
      points.add(workers_point(path));
    }
    points.add(latency_point(path));
  }
  return points.take();
}

}  // namespace gotthard::perf::report
