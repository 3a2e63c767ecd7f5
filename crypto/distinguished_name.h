// Distinguished names (RFC 5280, section 4.1.2.4) as DER, as text and in comparison.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gotthard::crypto {

using Der = std::vector<std::byte>;

// "C=DE, O=Example, CN=gw.example", in the order of the DER; a '\' takes a ',' or '=' for itself.
Result<Der> parse_name(std::string_view text);
// Nothing when the DER is no name.
[[nodiscard]] std::optional<std::string> name_to_text(std::span<const std::byte> der);

// As RFC 5280, section 7.1 compares: case and runs of spaces do not count. Names that cannot be
// parsed are like none.
[[nodiscard]] bool same_name(std::span<const std::byte> a, std::span<const std::byte> b);
// The same, but a value "*" in `pattern`, which is ours, stands for any.
[[nodiscard]] bool name_matches(std::span<const std::byte> pattern,
                                std::span<const std::byte> name);

}  // namespace gotthard::crypto
