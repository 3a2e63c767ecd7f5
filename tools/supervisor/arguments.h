// The command lines of the two children.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "control/config/config.h"
#include "tools/supervisor/privileges.h"

namespace gotthard::supervisor {

struct DataplaneArguments {
  std::string program;
  std::string instance_name;  // tells DPDK instances of one host apart
  User user;                  // that it becomes
  bool hugepages = false;
  int supervisor_fd = -1;
  std::vector<int> twin_fds;    // one a [[port]], in its order
  std::vector<int> tunnel_fds;  // one a tunnel interface, by number
};

struct ControlArguments {
  std::string program;
  int broker_fd = -1;
  int listen_fd = -1;
  int netlink_fd = -1;
  int checkpoint_fd = -1;
  int dataplane_fd = -1;
  std::vector<int> uapi_fds;  // one a [[wireguard]], in its order
};

// `config.log` holds what was asked for on the command line already.
[[nodiscard]] std::vector<std::string> dataplane_argv(const config::Config& config,
                                                      const DataplaneArguments& arguments);
[[nodiscard]] std::vector<std::string> control_argv(const config::Config& config,
                                                    const ControlArguments& arguments);

}  // namespace gotthard::supervisor
