// Receive offloads that join packets: a raw socket would get frames larger than the MTU.
#pragma once

#include <string>

#include "base/result.h"

namespace gotthard::supervisor {

struct Coalescing {
  bool gro = false;
  bool lro = false;
  bool operator==(const Coalescing&) const = default;
};

// A device without such offloads has none on.
Result<Coalescing> coalescing(const std::string& device);
Status set_coalescing(const std::string& device, const Coalescing& wanted);

}  // namespace gotthard::supervisor
