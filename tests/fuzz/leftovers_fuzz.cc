// The supervisor's note of what it changed may be damaged: it is understood or refused, and what is
// understood is written the same.
#include <cstdlib>
#include <string_view>

#include "tools/supervisor/leftovers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gotthard::supervisor;
  const auto leftovers =
      leftovers_from_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!leftovers) {
    if (leftovers.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  const auto again = leftovers_from_json(to_json(*leftovers));
  if (!again || *again != *leftovers) {
    std::abort();
  }
  return 0;
}
