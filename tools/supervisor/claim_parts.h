// What control says that tunnels claim, put together from its parts.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "base/result.h"
#include "control/broker/message.h"
#include "tools/supervisor/tunnel_routes.h"

namespace gotthard::supervisor {

class ClaimParts {
 public:
  // Of one interface: more than any table takes.
  static constexpr std::size_t kMost = 4U << 20;

  struct Claim {
    std::size_t interface = 0;
    std::set<config::Prefix> prefixes;
  };

  // With the last part the interface's whole claim, nothing before; `in_force` is what a statement
  // that is not whole adds to. After an error the next part begins another statement.
  Result<std::optional<Claim>> take(const broker::TunnelPrefixes& part, const Claims& in_force);
  // Who spoke is gone.
  void forget() { begun_.reset(); }

 private:
  std::optional<Claim> begun_;
};

}  // namespace gotthard::supervisor
