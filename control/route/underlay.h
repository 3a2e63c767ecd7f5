// Where outer packets go: by the kernel's policy rules for the mark of their tunnel, by the main
// table alone without one.
//
// A tunnel's rules are taken into use once all tables that they name are known; until then those
// before hold. A mark that no rule is for, beside the kernel's own, is none.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/route/changes.h"
#include "control/route/fib_table.h"
#include "control/route/policy_rules.h"
#include "control/route/policy_tables.h"

namespace gotthard::route {

// A rule and why it is not followed.
struct RuleNotFollowed {
  PolicyRule rule;
  std::string reason;
};

class Underlay {
 public:
  Underlay(const Devices* devices, FibTable* main) : main_(main), tables_(devices) {}

  // Of a tunnel interface; 0: none. False: it is as it was.
  bool set_mark(std::uint16_t interface, std::uint32_t mark);
  // None of them is 0.
  [[nodiscard]] const std::set<std::uint32_t>& marks() const { return marks_; }
  // It has a mark, or had one.
  [[nodiscard]] bool is_marked(std::uint16_t interface) const;

  void add(const PolicyRule& rule);
  void remove(const PolicyRule& rule);
  void add(const TableKnown& table);
  void remove(const TableGone& table);
  [[nodiscard]] PolicyTables& tables() { return tables_; }

  // True: some tunnel's rules are others now.
  [[nodiscard]] bool flush();

  struct Found {
    Target target;
    const PolicyRule* rule = nullptr;  // that decided, if one did; until flush()
  };
  [[nodiscard]] Found find(std::uint16_t interface, const Address& to, const Admits& admits);

  [[nodiscard]] std::vector<RuleNotFollowed> not_followed() const;

 private:
  // In the kernel's order. Empty: by main alone.
  struct Rules {
    std::uint32_t mark = 0;
    std::vector<PolicyRule> rules;
    bool operator==(const Rules&) const = default;
  };
  struct Interface {
    std::uint32_t mark = 0;
    bool marked = false;
    Rules ipv4;  // in use
    Rules ipv6;
    Rules& of(Family family) { return family == Family::ipv4 ? ipv4 : ipv6; }
  };

  [[nodiscard]] std::vector<const PolicyRule*> sorted() const;
  [[nodiscard]] Answer ask(const PolicyRule& rule, const Address& to, const Admits& admits);

  FibTable* main_;
  PolicyTables tables_;
  std::array<Interface, abi::kMaxInterfaces> interfaces_;
  std::set<std::uint32_t> marks_;
  std::map<PolicyRule, std::uint64_t> rules_;  // when each came
  std::uint64_t rule_count_ = 0;
  std::set<FollowedTables::Table> known_;
  bool stale_ = false;
};

}  // namespace gotthard::route
