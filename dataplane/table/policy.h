// Which child a packet is for: ordered rules over addresses, ports and protocol (RFC 4301, 4.4.1),
// looked up without going through them. A tree: each inner node cuts the numbers of one field into
// intervals, found by bisection; a leaf holds the few rules that are left, in order. So what a
// lookup costs grows with the logarithm of the number of rules.
//
// Immutable once built; replaced as a whole.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/wire/selector_key.h"

namespace gotthard::dataplane {

// Both ends included.
struct PolicyRange {
  wire::SelectorNumber first = 0;
  wire::SelectorNumber last = 0;
  [[nodiscard]] bool has(wire::SelectorNumber number) const {
    return number >= first && number <= last;
  }
};

struct PolicyRule {
  wire::Family family = wire::Family::none;
  std::array<PolicyRange, wire::kSelectorFields> ranges;  // by SelectorField
  std::uint32_t peer = 0;
  std::uint32_t spread = 1;
  // Fields, as bits, that do not take any number: the table's to say.
  std::uint32_t narrow = ~std::uint32_t{0};

  [[nodiscard]] bool fits(const wire::SelectorNumbers& numbers) const {
    // Mostly addresses alone: what takes any need not be looked at.
    for (std::uint32_t left = narrow & kAllFields; left != 0; left &= left - 1) {
      const auto field = static_cast<std::size_t>(std::countr_zero(left));
      if (!ranges[field].has(numbers[field])) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr std::uint32_t kAllFields = (1U << wire::kSelectorFields) - 1;
};

class PolicyTable {
 public:
  // Of rules that fit, the first is taken.
  explicit PolicyTable(std::vector<PolicyRule> rules);

  // The same for a packet, as selector_key() has it. Mostly rules are few and name addresses alone:
  // then of IPv4 nothing else is looked at.
  [[nodiscard, gnu::always_inline]] inline const PolicyRule* match(
      std::span<const std::byte> packet, wire::Family family, wire::Direction direction) const {
    if (family == wire::Family::ipv4 && !pairs4_.empty()) {
      const auto* ip = reinterpret_cast<const wire::Ipv4Header*>(packet.data());
      const bool outbound = direction == wire::Direction::outbound;
      const std::uint32_t source = ip->source.get();
      const std::uint32_t destination = ip->destination.get();
      return match4(outbound ? destination : source, outbound ? source : destination);
    }
    return match(wire::selector_key(packet, family, direction));
  }

  // Nothing: null.
  [[nodiscard]] const PolicyRule* match(const wire::SelectorKey& key) const {
    std::uint32_t at = key.family == wire::Family::ipv4 ? root4_ : root6_;
    for (;;) {
      const Node& node = nodes_[at];
      if (node.leaf) {
        for (std::uint32_t i = 0; i < node.count; ++i) {
          const PolicyRule& rule = rules_[leaves_[node.first + i]];
          if (rule.fits(key.numbers)) {
            return &rule;
          }
        }
        return nullptr;
      }
      at = children_[interval(node, key.numbers[node.field])];
    }
  }

  // For people and tests.
  [[nodiscard]] std::size_t nodes() const { return nodes_.size(); }
  // Rules that a lookup may have to look at one by one.
  [[nodiscard]] std::size_t longest_leaf() const;

 private:
  // A leaf: rules leaves_[first ...]. Else: intervals, of which the n-th begins at bounds_[first +
  // n] and leads to children_[first + n].
  struct Node {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    std::uint8_t field = 0;
    bool leaf = true;
  };
  using Rules = std::vector<std::uint32_t>;

  // A rule that names IPv4 addresses alone: its first ones, and how many follow them.
  struct Pair4 {
    std::uint32_t remote = 0;
    std::uint32_t remotes = 0;
    std::uint32_t local = 0;
    std::uint32_t locals = 0;
    std::uint32_t rule = 0;
  };

  void add_pairs(const Rules& rules);
  [[nodiscard]] const PolicyRule* match4(std::uint32_t remote, std::uint32_t local) const {
    for (const Pair4& pair : pairs4_) {
      if (remote - pair.remote <= pair.remotes && local - pair.local <= pair.locals) {
        return &rules_[pair.rule];
      }
    }
    return nullptr;
  }
  std::uint32_t build(const Rules& rules, std::size_t field);
  std::uint32_t add_leaf(const Rules& rules);
  // The last one that begins at or below `number`: the first begins at 0.
  [[nodiscard]] std::uint32_t interval(const Node& node, wire::SelectorNumber number) const {
    std::uint32_t low = node.first;
    std::uint32_t size = node.count;
    while (size > 1) {
      const std::uint32_t half = size / 2;
      low = bounds_[low + half] <= number ? low + half : low;
      size -= half;
    }
    return low;
  }

  std::vector<PolicyRule> rules_;
  std::vector<Node> nodes_;
  std::vector<wire::SelectorNumber> bounds_;
  std::vector<std::uint32_t> children_;
  Rules leaves_;
  std::vector<Pair4> pairs4_;  // all rules of IPv4 in order, where they are of this kind and few
  std::size_t work_ = 0;
  std::uint32_t root4_ = 0;
  std::uint32_t root6_ = 0;
};

}  // namespace gotthard::dataplane
