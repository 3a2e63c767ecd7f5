// Lists for people: a hundred thousand prefixes are no line of a log or a table.
#pragma once

#include <string>
#include <string_view>

namespace gotthard::mgmt {

// Words with spaces between them: the first eight, and how many more there are.
[[nodiscard]] std::string shortened(std::string_view words);

}  // namespace gotthard::mgmt
