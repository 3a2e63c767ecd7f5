#include "perf/line_rate/trial.h"

#include <algorithm>

namespace gotthard::perf::line_rate {
namespace {

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::vector<Direction> directions_of(const std::vector<Flow>& flows) {
  std::vector<Direction> result;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    auto found = std::find_if(result.begin(), result.end(), [&](const Direction& d) {
      return d.from == flows[i].from && d.to == flows[i].to;
    });
    if (found == result.end()) {
      found = result.insert(result.end(), {.from = flows[i].from, .to = flows[i].to, .flows = {}});
    }
    found->flows.push_back(static_cast<std::uint16_t>(i));
  }
  return result;
}

DirectionCounts TrialCounts::sum() const {
  DirectionCounts sum;
  for (const DirectionCounts& direction : directions) {
    sum.planned += direction.planned;
    sum.sent += direction.sent;
    sum.refusals += direction.refusals;
    sum.received += direction.received;
    sum.received_in_time += direction.received_in_time;
    sum.duplicates += direction.duplicates;
    sum.reordered += direction.reordered;
  }
  return sum;
}

double TrialCounts::loss_ratio() const {
  double most = 0;
  for (const DirectionCounts& direction : directions) {
    most = std::max(most, ratio(direction.planned - direction.received, direction.planned));
  }
  return most;
}

double TrialCounts::device_loss_ratio() const {
  double most = 0;
  for (const DirectionCounts& direction : directions) {
    most = std::max(most, ratio(direction.lost(), direction.sent));
  }
  return most;
}

}  // namespace gotthard::perf::line_rate
