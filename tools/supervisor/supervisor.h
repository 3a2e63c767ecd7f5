// `gotthard up FILE`: sets the host up, starts gotthard-dataplane and gotthard-control, keeps them
// alive and puts the host back. It is the only process that keeps privileges and parses nothing
// that comes from the network.
#pragma once

#include <optional>
#include <string>

#include "base/log.h"

namespace gotthard::supervisor {

inline constexpr const char* kDefaultRunDir = "/run/gotthard";
inline constexpr const char* kDefaultStateDir = "/var/lib/gotthard";

// In the run directory.
inline constexpr const char* kPidFile = "supervisor.pid";      // flock'ed while the gateway runs
inline constexpr const char* kControlSocket = "control.sock";  // operators' requests to control
inline constexpr const char* kDpdkDir = "dpdk";                // made by DPDK while it starts

// Exit statuses of `gotthard up`.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;         // could not start, or a child kept dying
inline constexpr int kExitConfiguration = 2;  // the file was refused; nothing was changed
inline constexpr int kExitRunning = 3;        // another gateway uses this run or state directory

struct Options {
  std::string config_file;
  std::string run_dir = kDefaultRunDir;
  std::string state_dir = kDefaultStateDir;
  bool foreground = true;  // else: returns once the gateway is ready, which then runs on
  std::optional<log::Format> log_format;
  std::optional<log::Level> log_level;
  // Where gotthard-dataplane and gotthard-control are; empty: beside this program, then libexec.
  std::string executable_dir;
};

// Returns when the gateway is down again: an exit status.
int run(const Options& options);

}  // namespace gotthard::supervisor
