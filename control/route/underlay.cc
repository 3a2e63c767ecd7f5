#include "control/route/underlay.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace gotthard::route {

bool Underlay::set_mark(std::uint16_t interface, std::uint32_t mark) {
  if (interface >= interfaces_.size() || interfaces_[interface].mark == mark) {
    return false;
  }
  interfaces_[interface].mark = mark;
  interfaces_[interface].marked = true;
  marks_.clear();
  for (const Interface& one : interfaces_) {
    marks_.insert(one.mark);
  }
  marks_.erase(0);
  stale_ = true;
  return true;
}

bool Underlay::is_marked(std::uint16_t interface) const {
  return interface < interfaces_.size() && interfaces_[interface].marked;
}

void Underlay::add(const PolicyRule& rule) {
  rules_[rule] = ++rule_count_;
  stale_ = true;
}
void Underlay::remove(const PolicyRule& rule) { stale_ |= rules_.erase(rule) > 0; }

void Underlay::add(const TableKnown& table) {
  known_.emplace(table.family, table.table);
  stale_ = true;
}
void Underlay::remove(const TableGone& table) { known_.erase({table.family, table.table}); }

// In the kernel's order.
std::vector<const PolicyRule*> Underlay::sorted() const {
  std::vector<std::pair<const PolicyRule*, std::uint64_t>> with_age;
  for (const auto& [rule, age] : rules_) {
    with_age.emplace_back(&rule, age);
  }
  std::ranges::sort(with_age, [](const auto& a, const auto& b) {
    return std::tuple(a.first->family, a.first->priority, a.second) <
           std::tuple(b.first->family, b.first->priority, b.second);
  });
  std::vector<const PolicyRule*> result;
  for (const auto& [rule, age] : with_age) {
    result.push_back(rule);
  }
  return result;
}

bool Underlay::flush() {
  if (!std::exchange(stale_, false)) {
    return false;
  }
  const std::vector<const PolicyRule*> all = sorted();
  const std::set<FollowedTables::Table> wanted = tables_of(all, marks_);
  bool changed = false;
  for (Interface& interface : interfaces_) {
    for (const Family family : {Family::ipv4, Family::ipv6}) {
      Rules next;
      next.mark = interface.mark;
      bool waits = false;
      for (const PolicyRule* rule : rules_of(all, family, interface.mark)) {
        next.rules.push_back(*rule);
        const FollowedTables::Table table{family, rule->table};
        waits |= rule->action == PolicyRule::Action::lookup && wanted.contains(table) &&
                 !known_.contains(table);
      }
      Rules& now = interface.of(family);
      if (!waits && now != next) {
        now = std::move(next);
        changed = true;
      }
    }
  }
  return changed;
}

Answer Underlay::ask(const PolicyRule& rule, const Address& to, const Admits& admits) {
  const auto refusal = [](Target::Kind kind) {
    Answer answer;
    answer.target.kind = kind;
    answer.refuses = true;
    return answer;
  };
  switch (rule.action) {
    case PolicyRule::Action::lookup:
      break;
    case PolicyRule::Action::unreachable:
      return refusal(Target::Kind::unreachable);
    case PolicyRule::Action::prohibit:
      return refusal(Target::Kind::prohibit);
    case PolicyRule::Action::blackhole:
      return refusal(Target::Kind::blackhole);
    case PolicyRule::Action::none:
    case PolicyRule::Action::not_supported:
      return {};
  }
  if (rule.table == kMainTable) {
    return main_->underlay(to, admits);
  }
  // One too many: what it would say is not known, and what others say is not what is wanted.
  return known_.contains({to.family, rule.table}) ? tables_.find(rule.table, to, admits)
                                                  : refusal(Target::Kind::not_followed);
}

Underlay::Found Underlay::find(std::uint16_t interface, const Address& to, const Admits& admits) {
  const Rules none;
  const Rules& by = interface < interfaces_.size() ? interfaces_[interface].of(to.family) : none;
  if (by.rules.empty()) {
    return {.target = main_->underlay(to, admits).target};
  }
  for (const PolicyRule& rule : by.rules) {
    if (!matches(rule, by.mark, to)) {
      continue;
    }
    Answer answer = ask(rule, to, admits);
    const bool suppressed = !answer.refuses && answer.length <= rule.suppress;
    if (answer.target.kind != Target::Kind::none && answer.target.kind != Target::Kind::no_route &&
        !suppressed) {
      return {.target = std::move(answer.target), .rule = &rule};
    }
  }
  return {};
}

std::vector<RuleNotFollowed> Underlay::not_followed() const {
  const std::vector<const PolicyRule*> all = sorted();
  const std::set<FollowedTables::Table> wanted = tables_of(all, marks_);
  std::vector<RuleNotFollowed> result;
  for (const PolicyRule* rule : all) {
    std::string reason(why_not_followed(*rule, marks_));
    const bool named = rule->action == PolicyRule::Action::lookup && rule->table != kMainTable &&
                       !is_kernels_own(*rule);
    const bool ours =
        std::ranges::any_of(marks_, [&](std::uint32_t mark) { return concerns(*rule, mark); });
    if (named && ours && !wanted.contains({rule->family, rule->table})) {
      reason = fmt::format(
          "rules name more than {} tables: outer packets that it is for are dropped", kMaxTables);
    }
    if (!reason.empty()) {
      result.push_back({.rule = *rule, .reason = std::move(reason)});
    }
  }
  return result;
}

}  // namespace gotthard::route
