// Times as operators write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gotthard {

// "90", "60s", "5m", "1h", "2d". Nothing: it is none of these, or longer than 32 bits hold.
[[nodiscard]] std::optional<std::uint32_t> parse_seconds(std::string_view text);

}  // namespace gotthard
