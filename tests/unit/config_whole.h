// A configuration that has something of most sections.
#pragma once

#include <string>

#include "tests/unit/config_text.h"

namespace gotthard::config {

inline constexpr const char* kWhole = R"([dataplane]
workers = 2
hugepages = "never"
idle = "poll"
spread = "always"
[log]
level = "debug"
[[port]]
name = "wan"
role = "underlay"
device = "net_af_packet0,iface=veth-wan"
addresses = ["192.0.2.1/24", "2001:db8::1/64"]
[[port]]
name = "lan"
role = "inside"
device = "0000:3b:00.1"
addresses = ["10.1.0.1/24"]
[[route]]
destination = "0.0.0.0/0"
via = "192.0.2.254"
[[wireguard]]
name = "wg0"
listen_port = 51821
private_key_file = "wg0.key"
dscp = "copy"
mss_clamp = true
addresses = ["172.31.0.1/30"]
[[wireguard.peer]]
name = "region-b"
public_key = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
preshared_key_file = "/keys/b.psk"
endpoint = "[2001:db8::2]:51820"
allowed_ips = ["10.2.0.0/16", "172.31.0.2"]
persistent_keepalive = 25
)";

// The whole file with one line replaced by another text.
inline std::string with(const std::string& from, const std::string& to) {
  return replaced(kWhole, from, to);
}

}  // namespace gotthard::config
