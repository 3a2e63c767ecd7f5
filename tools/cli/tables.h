// Results as tables for people, with units.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace gotthard::cli {

// The text for a command's result.
[[nodiscard]] std::string render(std::string_view command, const nlohmann::json& result);

// 1536 -> "1.50 KiB"; 12 -> "12 B".
[[nodiscard]] std::string bytes_text(double bytes);
// 75.2 -> "1m15s"
[[nodiscard]] std::string age_text(double seconds);

}  // namespace gotthard::cli
