// What control answers is shown on root's terminal, whatever became of control: nothing in it may
// steer the terminal.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "control/mgmt/commands.h"
#include "control/mgmt/protocol.h"
#include "tools/cli/printable.h"
#include "tools/cli/tables.h"

namespace {

using namespace gotthard;

// C0 but for the ends of lines, DEL, and C1 in UTF-8.
bool steers(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto after = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    if ((byte < 0x20 && byte != '\n') || byte == 0x7f ||
        (byte == 0xc2 && after >= 0x80 && after < 0xa0)) {
      return true;
    }
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto answer =
      mgmt::parse_answer(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!answer) {
    if (steers(cli::printable(answer.error().error))) {
      std::abort();
    }
    return 0;
  }
  for (const mgmt::Command& command : mgmt::kCommands) {
    if (steers(cli::render(command.name, *answer))) {
      std::abort();
    }
  }
  return 0;
}
