// Whatever is sent to the local socket, and whatever comes back from it: an answer of one line, and
// nothing done that the right to read does not cover.
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/mgmt/protocol.h"

using namespace gotthard;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const mgmt::Handlers handlers = [] {
    mgmt::Handlers all;
    for (const mgmt::Command& command : mgmt::kCommands) {
      all[command.name] = mgmt::at_once([&command](const mgmt::Arguments& arguments) {
        if (command.changes || arguments.size() > command.argument_count) {
          std::abort();
        }
        return mgmt::Answer(mgmt::json{{"arguments", arguments}});
      });
    }
    return all;
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string answer;
  mgmt::answer_line(text, handlers, /*may_write=*/false,
                    [&](std::string line) { answer = std::move(line); });
  if (answer.find('\n') != answer.size() - 1) {
    std::abort();
  }
  const auto parsed = mgmt::parse_answer(answer);
  if (!parsed && (parsed.error().code.empty() || parsed.error().error.empty())) {
    std::abort();
  }
  (void)mgmt::parse_answer(text);
  return 0;
}
