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

// The key files of all children, open, their fingerprints recorded. An error: one was used before,
// or it cannot be recorded; nothing is to be started then.
Result<std::vector<broker::OpenKeyFile>> take_lab_keys(const config::Config& config,
                                                       const std::string& state_dir);

}  // namespace gotthard::supervisor
