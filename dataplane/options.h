// The command line of gotthard-dataplane, as the supervisor writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "crypto/aead.h"
#include "dataplane/spread.h"
#include "nic/threads.h"

namespace gotthard::dataplane {

struct PortArgument {
  std::string name;
  bool underlay = false;
  std::string device;
  std::uint16_t mtu = 1500;
  int twin_fd = -1;
};

struct TunnelArgument {
  std::string name;
  int tun_fd = -1;
};

struct Options {
  int supervisor_fd = -1;
  std::string instance_name = "gotthard";
  std::optional<nic::Identity> identity;  // once ports are open
  bool sleep_when_idle = true;
  crypto::Backend backend = crypto::Backend::automatic;
  bool hugepages = false;
  std::optional<unsigned> workers;
  std::vector<unsigned> cores;
  unsigned mbufs = 16384;
  unsigned routes = 65536;
  SpreadPolicy spread = SpreadPolicy::automatic;
  std::vector<PortArgument> ports;
  std::vector<TunnelArgument> tunnels;
  log::Format log_format = log::Format::logfmt;
  log::Level log_level = log::Level::info;
};

Result<Options> parse_options(int argc, char** argv);

// "name=wan;role=underlay;device=net_af_packet0,iface=x;mtu=1500;twin-fd=5"
Result<PortArgument> parse_port(const std::string& text);
// "name=wg0;tun-fd=7"
Result<TunnelArgument> parse_tunnel(const std::string& text);

}  // namespace gotthard::dataplane
