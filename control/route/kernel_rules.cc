// Policy rules that the kernel is known to have.
#include <algorithm>
#include <iterator>

#include "control/route/kernel_state.h"

namespace gotthard::route {

void KernelState::set(const PolicyRule& rule) {
  const auto [at, is_new] = rules_.try_emplace(rule);
  at->second.generation = generation_;
  at->second.seen = ++rule_count_;
  if (is_new) {
    at->second.told = rule_count_;
    changes_(rule);
  }
}

void KernelState::remove(const PolicyRuleGone& gone) {
  if (rules_.erase(gone.rule) > 0) {
    changes_(gone);
  }
}

std::vector<const PolicyRule*> KernelState::rules() const {
  std::vector<const PolicyRule*> result;
  for (const auto& [rule, known] : rules_) {
    result.push_back(&rule);
  }
  return result;
}

// Of one priority that were taken away and came back in another order, unheard: told anew.
void KernelState::tell_order() {
  for (auto first = rules_.begin(); first != rules_.end();) {
    std::vector<Rules::iterator> equal;
    for (auto at = first; at != rules_.end() && at->first.family == first->first.family &&
                          at->first.priority == first->first.priority;
         ++at) {
      equal.push_back(at);
    }
    first = std::next(equal.back());
    std::ranges::sort(equal, std::ranges::less{},
                      [](Rules::iterator at) { return at->second.seen; });
    const auto told = [](Rules::iterator at) { return at->second.told; };
    if (std::ranges::is_sorted(equal, std::ranges::less{}, told)) {
      continue;
    }
    for (const Rules::iterator& at : equal) {
      changes_(PolicyRuleGone{at->first});
    }
    for (const Rules::iterator& at : equal) {
      at->second.told = ++rule_count_;
      changes_(at->first);
    }
  }
}

}  // namespace gotthard::route
