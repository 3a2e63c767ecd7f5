#include "dataplane/table/policy.h"

#include <algorithm>
#include <set>
#include <utility>

namespace gotthard::dataplane {
namespace {

constexpr std::size_t kSmallLeaf = 8;
// Rules that nest and cross in many fields could make a tree of any size: from here on they stay
// together.
constexpr std::size_t kMostWork = std::size_t{1} << 22;

// No packet of the family has a greater one.
wire::SelectorNumber greatest(wire::SelectorField field, wire::Family family) {
  using enum wire::SelectorField;
  switch (field) {
    case remote:
    case local:
      return family == wire::Family::ipv4 ? wire::SelectorNumber{UINT32_MAX}
                                          : ~wire::SelectorNumber{0};
    case remote_port:
    case local_port:
      return wire::kNoPort;
    default:
      return wire::kNoProtocol;
  }
}

std::uint32_t narrow_fields(const PolicyRule& rule) {
  std::uint32_t narrow = 0;
  for (std::size_t i = 0; i < rule.ranges.size(); ++i) {
    const auto last = greatest(static_cast<wire::SelectorField>(i), rule.family);
    const bool any = rule.ranges[i].first == 0 && rule.ranges[i].last >= last;
    narrow |= any ? 0 : 1U << i;
  }
  return narrow;
}

}  // namespace

PolicyTable::PolicyTable(std::vector<PolicyRule> rules) : rules_(std::move(rules)) {
  for (PolicyRule& rule : rules_) {
    rule.narrow = narrow_fields(rule);
  }
  add_leaf({});
  for (const wire::Family family : {wire::Family::ipv4, wire::Family::ipv6}) {
    Rules of_family;
    for (std::uint32_t i = 0; i < rules_.size(); ++i) {
      if (rules_[i].family == family) {
        of_family.push_back(i);
      }
    }
    if (family == wire::Family::ipv4) {
      add_pairs(of_family);
    }
    (family == wire::Family::ipv4 ? root4_ : root6_) = build(of_family, 0);
  }
}

void PolicyTable::add_pairs(const Rules& rules) {
  constexpr std::uint32_t kAddresses = 1U << static_cast<unsigned>(wire::SelectorField::remote) |
                                       1U << static_cast<unsigned>(wire::SelectorField::local);
  if (rules.size() > kSmallLeaf) {
    return;
  }
  for (const std::uint32_t i : rules) {
    const PolicyRule& rule = rules_[i];
    const auto range = [&rule](wire::SelectorField field) {
      const PolicyRange& whole = rule.ranges[static_cast<std::size_t>(field)];
      return PolicyRange{.first = whole.first,
                         .last = std::min<wire::SelectorNumber>(whole.last, UINT32_MAX)};
    };
    const PolicyRange remote = range(wire::SelectorField::remote);
    const PolicyRange local = range(wire::SelectorField::local);
    const bool empty = remote.first > remote.last || local.first > local.last;
    if ((rule.narrow & ~kAddresses) != 0 || empty) {
      pairs4_.clear();
      return;
    }
    pairs4_.push_back({.remote = static_cast<std::uint32_t>(remote.first),
                       .remotes = static_cast<std::uint32_t>(remote.last - remote.first),
                       .local = static_cast<std::uint32_t>(local.first),
                       .locals = static_cast<std::uint32_t>(local.last - local.first),
                       .rule = i});
  }
}

std::uint32_t PolicyTable::add_leaf(const Rules& rules) {
  if (rules.empty() && !nodes_.empty()) {
    return 0;  // the first node is nobody's leaf
  }
  nodes_.push_back({.first = static_cast<std::uint32_t>(leaves_.size()),
                    .count = static_cast<std::uint32_t>(rules.size())});
  leaves_.insert(leaves_.end(), rules.begin(), rules.end());
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

// A field that would make too much of them is passed over.
std::uint32_t PolicyTable::build(const Rules& rules, std::size_t field) {
  using Bound = wire::SelectorNumber;
  if (rules.size() <= kSmallLeaf || field == wire::kSelectorFields) {
    return add_leaf(rules);
  }
  // Where rules begin, and one behind where they end.
  std::vector<std::pair<Bound, std::uint32_t>> begins;
  std::vector<std::pair<Bound, std::uint32_t>> ends;
  std::vector<Bound> bounds{0};
  for (const std::uint32_t rule : rules) {
    const PolicyRange& range = rules_[rule].ranges[field];
    begins.emplace_back(range.first, rule);
    bounds.push_back(range.first);
    if (range.last != ~Bound{0}) {
      ends.emplace_back(range.last + 1, rule);
      bounds.push_back(range.last + 1);
    }
  }
  std::sort(begins.begin(), begins.end());
  std::sort(ends.begin(), ends.end());
  std::sort(bounds.begin(), bounds.end());
  bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());

  std::size_t work = 0;  // rules in all intervals
  for (std::size_t i = 0, began = 0, ended = 0; i < bounds.size(); ++i) {
    for (; ended < ends.size() && ends[ended].first <= bounds[i]; ++ended) {
    }
    for (; began < begins.size() && begins[began].first <= bounds[i]; ++began) {
    }
    work += began - ended;
  }
  if (work_ + work > kMostWork) {
    return build(rules, field + 1);
  }
  work_ += work;

  const auto place = static_cast<std::uint32_t>(bounds_.size());
  bounds_.insert(bounds_.end(), bounds.begin(), bounds.end());
  children_.resize(bounds_.size());
  std::set<std::uint32_t> active;  // in order, as rules are numbered so
  auto begin = begins.begin();
  auto end = ends.begin();
  for (std::uint32_t i = 0; i < bounds.size(); ++i) {
    for (; end != ends.end() && end->first == bounds[i]; ++end) {
      active.erase(end->second);
    }
    for (; begin != begins.end() && begin->first == bounds[i]; ++begin) {
      active.insert(begin->second);
    }
    const std::uint32_t child = build(Rules(active.begin(), active.end()), field + 1);
    children_[place + i] = child;
  }
  nodes_.push_back({.first = place,
                    .count = static_cast<std::uint32_t>(bounds.size()),
                    .field = static_cast<std::uint8_t>(field),
                    .leaf = false});
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

std::size_t PolicyTable::longest_leaf() const {
  std::size_t longest = 0;
  for (const Node& node : nodes_) {
    longest = node.leaf ? std::max<std::size_t>(longest, node.count) : longest;
  }
  return longest;
}

}  // namespace gotthard::dataplane
