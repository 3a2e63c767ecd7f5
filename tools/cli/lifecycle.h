// Verbs that concern the gateway's life: wait for it, end it, check its configuration.
#pragma once

#include <string>

namespace gotthard::cli {

int wait_until_ready(const std::string& run_dir, double timeout_seconds, bool as_json);
// Where none runs: opens the host that a gateway which failed left closed.
int take_down(const std::string& run_dir, const std::string& state_dir, double timeout_seconds,
              bool as_json);
int check(const std::string& file, bool as_json);

}  // namespace gotthard::cli
