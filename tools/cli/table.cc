#include "tools/cli/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/mgmt/shortened.h"
#include "tools/cli/tables.h"

namespace gotthard::cli {

std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string result;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += fmt::format("{:<{}}", row[i], widths[i] + 2);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + "\n";
  }
  return result;
}

std::string text(const nlohmann::json& value) {
  if (value.is_null()) {
    return "-";
  }
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string text_or_dash(const nlohmann::json& value) {
  const std::string words = mgmt::shortened(text(value));
  return words.empty() ? "-" : words;
}

std::string age(const nlohmann::json& value) {
  return value.is_null() ? "never" : age_text(value.get<double>()) + " ago";
}

}  // namespace gotthard::cli
