#include "tools/cli/printable.h"

namespace gotthard::cli {

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto after = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    const bool c1 = byte == 0xc2 && after >= 0x80 && after < 0xa0;
    const bool control = (byte < 0x20 && byte != '\n') || byte == 0x7f || c1;
    result += control ? '?' : text[i];
    i += c1 ? 1 : 0;
  }
  return result;
}

}  // namespace gotthard::cli
