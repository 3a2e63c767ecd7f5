// Lab keys, which nobody negotiated, are used once in their life: a counter that began again under
// one of them would repeat a nonce. So the fingerprint of each is on the disk before control gets
// it, and one that is there already is refused.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "control/broker/configuration.h"
#include "control/config/config.h"

namespace gotthard::supervisor {

// In the state directory; a line a key.
inline constexpr const char* kUsedLabKeys = "used-lab-keys";

// The key files of all children, open, their fingerprints recorded; of those only that are not in
// `running`, when there is one. An error: one was used before, or it cannot be recorded; none is to
// be used then.
Result<std::vector<broker::OpenKeyFile>> take_lab_keys(const config::Config& config,
                                                       const std::string& state_dir,
                                                       const config::Config* running = nullptr);

// Children of `config` have other keys than those of `running`.
[[nodiscard]] bool has_new_lab_keys(const config::Config& config, const config::Config& running);

}  // namespace gotthard::supervisor
