// `gotthard up FILE`: sets the host up, starts gotthard-dataplane and gotthard-control, keeps them
// alive and puts the host back. It is the only process that keeps privileges and parses nothing
// that comes from the network.
#pragma once

#include <optional>
#include <string>

#include "base/log.h"
#include "control/mgmt/protocol.h"
#include "tools/supervisor/host.h"

namespace gotthard::supervisor {

inline constexpr const char* kDefaultRunDir = "/run/gotthard";
inline constexpr const char* kDefaultStateDir = "/var/lib/gotthard";

// In the run directory.
inline constexpr const char* kPidFile = "supervisor.pid";      // flock'ed while the gateway runs
inline constexpr const char* kControlSocket = "control.sock";  // operators' requests to control
inline constexpr const char* kDpdkDir = "dpdk";                // made by DPDK while it starts

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

// Returns when the gateway is down again. Failures' codes: "refused" (the file; nothing was
// changed), "running" (another gateway uses this run or state directory), "not_permitted", "failed"
// (it could not start, or a child kept dying).
std::optional<mgmt::Failure> run(const Options& options);

// `gotthard down` where no gateway runs: opens the host that one which failed or was killed left
// closed, and says what was opened. Failures' codes: "not_running" (nothing is left), "running",
// "failed".
tl::expected<Host::Lifted, mgmt::Failure> lift(const std::string& run_dir,
                                               const std::string& state_dir);

}  // namespace gotthard::supervisor
