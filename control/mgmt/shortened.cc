#include "control/mgmt/shortened.h"

#include <fmt/format.h>

#include <algorithm>

namespace gotthard::mgmt {

std::string shortened(std::string_view words) {
  constexpr int kShown = 8;
  std::size_t end = 0;
  for (int word = 0; word < kShown && end != std::string_view::npos; ++word) {
    end = words.find(' ', end + 1);
  }
  if (end == std::string_view::npos) {
    return std::string(words);
  }
  return fmt::format("{} and {} more", words.substr(0, end),
                     std::ranges::count(words.substr(end), ' '));
}

}  // namespace gotthard::mgmt
