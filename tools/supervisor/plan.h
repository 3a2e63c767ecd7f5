// Everything that `gotthard up` reads before it changes anything: a bad file changes nothing.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "control/broker/configuration.h"
#include "control/config/config.h"
#include "tools/supervisor/privileges.h"
#include "tools/supervisor/supervisor.h"

namespace gotthard::supervisor {

// The configuration, its text and its key files, opened.
struct Plan {
  config::Config config;
  std::string path;  // of the configuration, absolute
  std::string text;
  std::vector<broker::OpenKeyFile> key_files;
};

// What is started, and for whom.
struct Programs {
  std::string dataplane;
  std::string control;
  std::string instance_name;
  std::string run_dir;  // absolute
  Users users;
};

// Errors are the operator's.
Result<Plan> read_configuration(const Options& options);
Result<Programs> find_programs(const Options& options);

}  // namespace gotthard::supervisor
