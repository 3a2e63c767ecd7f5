#include "control/ike/sa/selectors.h"

#include <algorithm>
#include <optional>

namespace gotthard::ike {
namespace {

// OPAQUE ports, and what else the data plane cannot look at.
bool is_opaque(const TrafficSelector& selector) { return selector.last_port < selector.first_port; }

std::optional<TrafficSelector> common(const TrafficSelector& a, const TrafficSelector& b) {
  const bool protocols_meet = a.protocol == b.protocol || a.protocol == 0 || b.protocol == 0;
  if (a.first.family != b.first.family || !protocols_meet || is_opaque(a) || is_opaque(b)) {
    return std::nullopt;
  }
  const TrafficSelector both{.protocol = a.protocol != 0 ? a.protocol : b.protocol,
                             .first_port = std::max(a.first_port, b.first_port),
                             .last_port = std::min(a.last_port, b.last_port),
                             .first = std::max(a.first, b.first),
                             .last = std::min(a.last, b.last)};
  if (both.last_port < both.first_port || both.last < both.first) {
    return std::nullopt;
  }
  return both;
}

}  // namespace

TrafficSelectors narrowed(const TrafficSelectors& ours, const TrafficSelectors& offered) {
  TrafficSelectors result;
  auto& kept = result.selectors;
  for (const TrafficSelector& theirs : offered.selectors) {
    for (const TrafficSelector& own : ours.selectors) {
      const auto both = common(own, theirs);
      if (!both || kept.size() == abi::kMaxSelectors ||
          std::ranges::find(kept, *both) != kept.end()) {
        continue;
      }
      kept.push_back(*both);
    }
  }
  return result;
}

bool within(const TrafficSelectors& part, const TrafficSelectors& whole) {
  return std::ranges::all_of(part.selectors, [&](const TrafficSelector& one) {
    return std::ranges::any_of(whole.selectors, [&](const TrafficSelector& other) {
      return common(one, other) == std::optional(one);
    });
  });
}

TrafficSelectors selectors_of(const std::vector<TrafficSelector>& configured,
                              const abi::Address& own) {
  if (configured.empty()) {
    return {{TrafficSelector{.first = own, .last = own}}};
  }
  return {configured};
}

}  // namespace gotthard::ike
