// Policy rules: RTM_NEWRULE and RTM_DELRULE.
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

// Selectors and options that are only said to be there.
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
bool read_prefix(abi::Family family, std::uint8_t length, std::span<const std::byte> bytes,
                 Prefix* prefix) {
  if (length == 0) {
    return true;
  }
  const auto address = to_address(family, bytes);
  if (!address || length > size_of(family) * 8) {
    return false;
  }
  *prefix = {*address, length};
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

void read_action(std::uint8_t action, std::uint32_t table, const RuleAttributes& attributes,
                 PolicyRule* rule) {
  using Action = PolicyRule::Action;
  switch (action) {
    case FR_ACT_TO_TBL:
      rule->table = table;
      rule->text += " lookup " + table_name(table);
      return;
    case FR_ACT_GOTO:
      rule->action = Action::not_supported;
      rule->text += fmt::format(" goto {}", attributes.u32(FRA_GOTO));
      return;
    case FR_ACT_BLACKHOLE:
      rule->action = Action::blackhole;
      rule->text += " blackhole";
      return;
    case FR_ACT_UNREACHABLE:
      rule->action = Action::unreachable;
      rule->text += " unreachable";
      return;
    case FR_ACT_PROHIBIT:
      rule->action = Action::prohibit;
      rule->text += " prohibit";
      return;
    default:
      rule->action = Action::none;
      rule->text += " nop";
  }
}

// A newer kernel's selectors, which libnl passes over: without them the rule would be for packets
// that it is not for.
bool has_unknown(const NetlinkMessage& message) {
  auto* raw = reinterpret_cast<nlmsghdr*>(const_cast<std::byte*>(message.bytes.data()));
  int left = nlmsg_attrlen(raw, sizeof(fib_rule_hdr));
  for (nlattr* at = nlmsg_attrdata(raw, sizeof(fib_rule_hdr)); nla_ok(at, left) != 0;
       at = nla_next(at, &left)) {
    if (nla_type(at) > FRA_MAX) {
      return true;
    }
  }
  return false;
}

// Those that are followed, and of all others that they are there.
void read_selectors(const NetlinkMessage& message, const fib_rule_hdr& header, const Prefix& from,
                    const RuleAttributes& attributes, PolicyRule* rule) {
  const auto other = [rule](const std::string& text) {
    rule->supported = false;
    rule->text += text;
  };
  if (from.length != 0) {
    other(" from " + config::to_string(from));
  }
  if (rule->to.length != 0) {
    rule->text += " to " + config::to_string(rule->to);
  }
  if (header.tos != 0) {
    other(fmt::format(" tos {:#x}", header.tos));
  }
  for (const auto& [type, word] : {std::pair{FRA_IIFNAME, "iif"}, std::pair{FRA_OIFNAME, "oif"}}) {
    if (const std::string name = device_name(attributes, type); !name.empty()) {
      other(fmt::format(" {} {}", word, name));
    }
  }
  rule->mark = attributes.u32(FRA_FWMARK);
  rule->mask = attributes.has(FRA_FWMARK) && !attributes.has(FRA_FWMASK)
                   ? UINT32_MAX
                   : attributes.u32(FRA_FWMASK);
  if (rule->mark != 0 || rule->mask != 0) {
    rule->text += fmt::format(" fwmark {:#x}/{:#x}", rule->mark, rule->mask);
  }
  for (const auto& [type, word] : kOther) {
    if (attributes.has(type)) {
      other(std::string(" ") + word);
    }
  }
  if (has_unknown(message)) {
    other(" and selectors that are not known");
  }
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
  PolicyRule result;
  result.family = *family;
  result.priority = attributes.u32(FRA_PRIORITY);
  result.inverted = (rule->flags & FIB_RULE_INVERT) != 0;
  Prefix from;
  if (!read_prefix(*family, rule->src_len, attributes.bytes(FRA_SRC), &from) ||
      !read_prefix(*family, rule->dst_len, attributes.bytes(FRA_DST), &result.to)) {
    return Ignored::malformed;
  }
  read_selectors(message, *rule, from, attributes, &result);
  result.text = result.text.empty() ? " from all" : result.text;
  // As the kernel takes it: what is negative suppresses nothing, -1 is the rule.
  if (const std::uint32_t length = attributes.u32(FRA_SUPPRESS_PREFIXLEN);
      attributes.has(FRA_SUPPRESS_PREFIXLEN) && length <= INT32_MAX) {
    result.suppress = static_cast<int>(std::min<std::uint32_t>(length, UINT8_MAX));
    result.text += fmt::format(" suppress_prefixlength {}", length);
  }
  read_action(rule->action, attributes.has(FRA_TABLE) ? attributes.u32(FRA_TABLE) : rule->table,
              attributes, &result);
  result.text = (result.inverted ? "not" : "") + result.text;
  result.text.erase(0, result.text.find_first_not_of(' '));
  if (message.type == RTM_DELRULE) {
    return PolicyRuleGone{std::move(result)};
  }
  return result;
}

}  // namespace gotthard::route
