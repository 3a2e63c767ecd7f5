// The sockets of WireGuard's userspace API, one an interface, where `wg` looks for them. Control
// answers there; the supervisor makes them, as only it may.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "control/config/config.h"

namespace gotthard::supervisor {

inline constexpr const char* kUapiDir = "/run/wireguard";

class UapiSockets {
 public:
  // Refuses a name that another process serves; one that is left over from a killed process is
  // taken over.
  static Result<UapiSockets> open(const config::Config& config, const std::string& dir = kUapiDir);
  UapiSockets(UapiSockets&&) = default;
  UapiSockets& operator=(UapiSockets&&) = delete;
  ~UapiSockets();

  [[nodiscard]] std::vector<int> fds() const;  // index: interface number

 private:
  struct Socket {
    UniqueFd fd;
    std::string path;
  };
  UapiSockets() = default;
  std::vector<Socket> sockets_;
  std::string made_dir_;  // empty: it was there
};

}  // namespace gotthard::supervisor
