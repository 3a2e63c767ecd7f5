// Files of wg-quick's: what is imported holds no key outside of its key files, and is TOML that
// ours reads.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/config/config.h"
#include "tools/cli/wg_quick.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto imported =
      gotthard::cli::import_wg_quick({reinterpret_cast<const char*>(data), size}, "wg0");
  if (!imported) {
    return 0;
  }
  for (const auto& key : imported->keys) {
    if (key.text.size() < 40 || imported->toml.find(key.text.c_str()) != std::string::npos) {
      __builtin_trap();
    }
  }
  const auto config = gotthard::config::parse(
      imported->toml + "[[port]]\nname = \"wan\"\nrole = \"underlay\"\ndevice = \"net_null0\"\n",
      "/wg0.toml");
  if (!config) {
    __builtin_trap();
  }
  return 0;
}
