// Policy rules: RTM_NEWRULE and RTM_DELRULE. Packets are routed by the main table alone, so a rule
// beside the kernel's own three is something that an operator must be told of.
#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <array>

#include "control/route/netlink_attributes.h"

namespace gotthard::route {
namespace {

using RuleAttributes = Attributes<FRA_MAX>;

// Selectors that are only said to be there.
constexpr std::array kOther = {std::pair{FRA_TUN_ID, "tun_id"},
                               std::pair{FRA_L3MDEV, "l3mdev"},
                               std::pair{FRA_UID_RANGE, "uidrange"},
                               std::pair{FRA_IP_PROTO, "ipproto"},
                               std::pair{FRA_SPORT_RANGE, "sport"},
                               std::pair{FRA_DPORT_RANGE, "dport"},
                               std::pair{FRA_SUPPRESS_IFGROUP, "suppress_ifgroup"}};

std::string device_name(const RuleAttributes& attributes, int type) {
  const auto bytes = attributes.bytes(type);
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  return bytes.empty() ? "" : std::string(text, strnlen(text, bytes.size()));
}

// False: not well formed.
bool add_prefix(std::string* text, const char* word, abi::Family family, std::uint8_t length,
                std::span<const std::byte> bytes) {
  if (length == 0) {
    return true;
  }
  const auto address = to_address(family, bytes);
  if (!address || length > size_of(family) * 8) {
    return false;
  }
  *text += fmt::format(" {} {}", word, config::to_string(Prefix{*address, length}));
  return true;
}

std::string table_name(std::uint32_t table) {
  switch (table) {
    case RT_TABLE_LOCAL:
      return "local";
    case RT_TABLE_MAIN:
      return "main";
    case RT_TABLE_DEFAULT:
      return "default";
    default:
      return std::to_string(table);
  }
}

std::string action(std::uint8_t action, std::uint32_t table, const RuleAttributes& attributes) {
  switch (action) {
    case FR_ACT_TO_TBL:
      return " lookup " + table_name(table);
    case FR_ACT_GOTO:
      return fmt::format(" goto {}", attributes.u32(FRA_GOTO));
    case FR_ACT_BLACKHOLE:
      return " blackhole";
    case FR_ACT_UNREACHABLE:
      return " unreachable";
    case FR_ACT_PROHIBIT:
      return " prohibit";
    default:
      return " nop";
  }
}

// Of the kernel's own: from all, to the table that every packet is routed by anyway.
bool is_own(const fib_rule_hdr& rule, std::uint32_t table, const std::string& selectors) {
  return rule.action == FR_ACT_TO_TBL && selectors.empty() &&
         (table == RT_TABLE_LOCAL || table == RT_TABLE_MAIN || table == RT_TABLE_DEFAULT);
}

}  // namespace

ParsedMessage parse_rule(const NetlinkMessage& message) {
  const auto* rule = header<fib_rule_hdr>(message);
  RuleAttributes attributes;
  if (rule == nullptr || !parse_attributes(message, sizeof(*rule), &attributes)) {
    return Ignored::malformed;
  }
  const auto family = family_of(rule->family);
  if (!family) {
    return Ignored::irrelevant;
  }
  std::string selectors;
  if (!add_prefix(&selectors, "from", *family, rule->src_len, attributes.bytes(FRA_SRC)) ||
      !add_prefix(&selectors, "to", *family, rule->dst_len, attributes.bytes(FRA_DST))) {
    return Ignored::malformed;
  }
  if (rule->tos != 0) {
    selectors += fmt::format(" tos {:#x}", rule->tos);
  }
  for (const auto& [type, word] : {std::pair{FRA_IIFNAME, "iif"}, std::pair{FRA_OIFNAME, "oif"}}) {
    if (const std::string name = device_name(attributes, type); !name.empty()) {
      selectors += fmt::format(" {} {}", word, name);
    }
  }
  if (const std::uint32_t mark = attributes.u32(FRA_FWMARK), mask = attributes.u32(FRA_FWMASK);
      mark != 0 || mask != 0) {
    selectors += fmt::format(" fwmark {:#x}/{:#x}", mark, mask);
  }
  for (const auto& [type, word] : kOther) {
    selectors += attributes.has(type) ? std::string(" ") + word : "";
  }
  // -1: nothing is suppressed.
  if (const std::uint32_t length = attributes.u32(FRA_SUPPRESS_PREFIXLEN);
      attributes.has(FRA_SUPPRESS_PREFIXLEN) && length != UINT32_MAX) {
    selectors += fmt::format(" suppress_prefixlength {}", length);
  }
  const std::uint32_t table = attributes.has(FRA_TABLE) ? attributes.u32(FRA_TABLE) : rule->table;
  if (is_own(*rule, table, selectors)) {
    return Ignored::irrelevant;
  }
  PolicyRule result{.family = *family, .priority = attributes.u32(FRA_PRIORITY), .text = ""};
  result.text = fmt::format("{}{}{}", (rule->flags & FIB_RULE_INVERT) != 0 ? "not" : "",
                            selectors.empty() ? " from all" : selectors,
                            action(rule->action, table, attributes));
  result.text.erase(0, result.text.find_first_not_of(' '));
  if (message.type == RTM_DELRULE) {
    return PolicyRuleGone{std::move(result)};
  }
  return result;
}

}  // namespace gotthard::route
