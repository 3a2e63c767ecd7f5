// Which of the kernel's policy rules decide where a tunnel's outer packets go.
//
// They are packets of the host's own with the tunnel's mark, to the endpoint, that no address has
// been chosen for yet and that come from no interface. What is forwarded is not routed by rules: it
// has no mark, and the main table alone is its table.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "control/route/changes.h"
#include "control/route/netlink_parser.h"

namespace gotthard::route {

// From all, to the table that every packet is routed by anyway.
[[nodiscard]] bool is_kernels_own(const PolicyRule& rule);

// It decides about packets with this mark, to some destinations or to this one. Of rules that are
// not supported it is not known: they are passed over.
[[nodiscard]] bool concerns(const PolicyRule& rule, std::uint32_t mark);
[[nodiscard]] bool matches(const PolicyRule& rule, std::uint32_t mark, const Address& to);

// Those that concern the mark, in the kernel's order if `rules` are in it. Empty when they say no
// more than the kernel's own do: main alone then.
[[nodiscard]] std::vector<const PolicyRule*> rules_of(const std::vector<const PolicyRule*>& rules,
                                                      abi::Family family, std::uint32_t mark);

inline constexpr std::size_t kMaxTables = 64;  // of both families, beside main
// The tables that those of any of these marks name: beside main they are what has to be followed,
// as many as kMaxTables, the first ones by number.
[[nodiscard]] std::set<FollowedTables::Table> tables_of(const std::vector<const PolicyRule*>& rules,
                                                        const std::set<std::uint32_t>& marks);

// Why it is not followed, for an operator; empty when it is, by all packets that it is for.
[[nodiscard]] std::string_view why_not_followed(const PolicyRule& rule,
                                                const std::set<std::uint32_t>& marks);

}  // namespace gotthard::route
