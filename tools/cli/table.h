// What all tables for people are made of.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gotthard::cli {

using Row = std::vector<std::string>;

// The first row is the heading.
[[nodiscard]] std::string table(const std::vector<Row>& rows);

// A value as it is, "-" for none.
[[nodiscard]] std::string text(const nlohmann::json& value);
// The same, shortened, and "-" for empty text.
[[nodiscard]] std::string text_or_dash(const nlohmann::json& value);
// Seconds as "12s ago", "never" for none.
[[nodiscard]] std::string age(const nlohmann::json& value);

}  // namespace gotthard::cli
