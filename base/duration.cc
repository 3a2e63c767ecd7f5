#include "base/duration.h"

#include <charconv>
#include <limits>

namespace gotthard {

std::optional<std::uint32_t> parse_seconds(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  const std::uint64_t factor = unit.empty() || unit == "s" ? 1
                               : unit == "m"               ? 60
                               : unit == "h"               ? 3600
                               : unit == "d"               ? 86400
                                                           : 0;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (error != std::errc() || factor == 0 || number > kMost / factor) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(number * factor);
}

}  // namespace gotthard
