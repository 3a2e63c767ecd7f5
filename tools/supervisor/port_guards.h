// Sockets at the ports that tunnels listen at, one a twin and port. What arrives there is the data
// plane's: no other program of the host can have a port without noticing, before us or after us.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace gotthard::supervisor {

class PortGuards {
 public:
  // These ports (host byte order) of these devices (indices) from now on, and no others. Another
  // program's port is told, and nothing has changed then.
  Result<std::optional<std::uint16_t>> hold(const std::set<std::uint16_t>& ports,
                                            std::span<const int> devices);
  [[nodiscard]] std::size_t size() const { return guards_.size(); }

 private:
  std::map<std::pair<int, std::uint16_t>, UniqueFd> guards_;  // by device and port
};

}  // namespace gotthard::supervisor
