#include "control/route/policy_rules.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <iterator>

#include "control/route/address.h"

namespace gotthard::route {

bool is_kernels_own(const PolicyRule& rule) {
  return rule.supported && !rule.inverted && rule.mask == 0 && rule.to.length == 0 &&
         rule.action == PolicyRule::Action::lookup && rule.suppress < 0 &&
         (rule.table == RT_TABLE_LOCAL || rule.table == RT_TABLE_MAIN ||
          rule.table == RT_TABLE_DEFAULT);
}

bool concerns(const PolicyRule& rule, std::uint32_t mark) {
  if (!rule.supported || rule.action == PolicyRule::Action::not_supported) {
    return false;
  }
  const bool marked = ((rule.mark ^ mark) & rule.mask) == 0;
  return rule.inverted ? !marked || rule.to.length != 0 : marked;
}

bool matches(const PolicyRule& rule, std::uint32_t mark, const Address& to) {
  const bool selected =
      ((rule.mark ^ mark) & rule.mask) == 0 && (rule.to.length == 0 || covers(rule.to, to));
  return concerns(rule, mark) && selected != rule.inverted;
}

std::vector<const PolicyRule*> rules_of(const std::vector<const PolicyRule*>& rules,
                                        abi::Family family, std::uint32_t mark) {
  std::vector<const PolicyRule*> result;
  for (const PolicyRule* rule : rules) {
    if (mark != 0 && rule->family == family && concerns(*rule, mark)) {
      result.push_back(rule);
    }
  }
  // Without main somebody has taken it away.
  const auto own = [](const PolicyRule* rule) { return is_kernels_own(*rule); };
  const auto main = [](const PolicyRule* rule) { return rule->table == RT_TABLE_MAIN; };
  if (std::ranges::all_of(result, own) && std::ranges::any_of(result, main)) {
    result.clear();
  }
  return result;
}

std::set<FollowedTables::Table> tables_of(const std::vector<const PolicyRule*>& rules,
                                          const std::set<std::uint32_t>& marks) {
  std::set<FollowedTables::Table> result;
  for (const abi::Family family : {abi::Family::ipv4, abi::Family::ipv6}) {
    for (const std::uint32_t mark : marks) {
      for (const PolicyRule* rule : rules_of(rules, family, mark)) {
        if (rule->action == PolicyRule::Action::lookup && rule->table != kMainTable) {
          result.emplace(family, rule->table);
        }
      }
    }
  }
  while (result.size() > kMaxTables) {
    result.erase(std::prev(result.end()));
  }
  return result;
}

std::string_view why_not_followed(const PolicyRule& rule, const std::set<std::uint32_t>& marks) {
  if (is_kernels_own(rule)) {
    return "";
  }
  if (rule.action == PolicyRule::Action::not_supported) {
    return "goto is not supported: give rules priorities in the order that they are to have";
  }
  if (!rule.supported) {
    return "packets are routed by the main table alone, and tunnels' outer packets by rules that "
           "select by fwmark and destination: put the routes into main, or into [[route]]";
  }
  const bool ours = std::ranges::any_of(
      marks, [&](std::uint32_t mark) { return mark != 0 && concerns(rule, mark); });
  if (concerns(rule, 0)) {
    return ours
               ? "outer packets of tunnels with an fwmark are routed by it, all others by the "
                 "main table alone"
               : "packets without a mark are routed by the main table alone: put the routes there, "
                 "or into [[route]]";
  }
  return ours ? "" : "no tunnel has such an fwmark, and no other packet has a mark";
}

}  // namespace gotthard::route
