#include "control/reload/settings.h"

#include <utility>

#include "control/config/key_file.h"

namespace gotthard::control {

Result<Settings> read_settings(const broker::ReceivedConfiguration& received) {
  auto config = config::parse(received.text, received.path);
  if (!config) {
    return tl::unexpected(config.error());
  }
  Settings settings{.config = std::move(*config), .keys = {}};
  for (const broker::OpenKeyFile& file : received.key_files) {
    auto key = config::read_key(file.fd.get(), file.path);
    if (!key) {
      return tl::unexpected(key.error());
    }
    settings.keys.emplace(file.path, std::move(*key));
  }
  return settings;
}

}  // namespace gotthard::control
