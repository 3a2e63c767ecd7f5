// Interfaces that were changed while they ran, as text for the checkpoint: per interface its name,
// then the userspace API's own lines.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/config.h"
#include "control/uapi/answer.h"
#include "control/wireguard/keys.h"

namespace gotthard::uapi {

struct RunningInterface {
  std::string name;
  InterfaceView view;
};

// `base` is the configuration file's text: the changes hold for that alone.
[[nodiscard]] crypto::SecretString running_text(std::string_view base,
                                                std::span<const RunningInterface> interfaces);

// Puts what was kept in the place of what `base`, parsed to `config`, says of those interfaces.
// Keys go to `keys` under names that no file has. False: the text is of another file, or no such
// text.
[[nodiscard]] bool restore_running(std::string_view text, std::string_view base,
                                   config::Config* config, control::Keys* keys);

}  // namespace gotthard::uapi
