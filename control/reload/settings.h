// A configuration with what its key files hold.
#pragma once

#include "base/result.h"
#include "control/broker/configuration.h"
#include "control/config/config.h"
#include "control/ipsec/ike_files.h"
#include "control/ipsec/lab_keys.h"
#include "control/wireguard/keys.h"

namespace gotthard::control {

struct Settings {
  config::Config config;
  Keys keys;
  LabKeys lab_keys{};  // only those that were not used yet
  IkeFiles ike_files{};
};

// Parsed and read as the supervisor handed them over.
Result<Settings> read_settings(const broker::ReceivedConfiguration& received);

}  // namespace gotthard::control
