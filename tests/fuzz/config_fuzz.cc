// Whatever the file holds, parsing it ends with a configuration or one error.
#include <cstdlib>
#include <string_view>

#include "control/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = gotthard::config::parse(
      std::string_view(reinterpret_cast<const char*>(data), size), "/etc/gotthard/fuzz.toml");
  if (!config && config.error().message.empty()) {
    std::abort();
  }
  return 0;
}
