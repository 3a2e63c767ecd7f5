// What is different between two configurations, for operators: by the file's own words, never a
// secret. Peers are the same when their public keys are, whatever their names and places.
#pragma once

#include <string>
#include <vector>

#include "control/reload/settings.h"

namespace gotthard::control {

struct Difference {
  std::string where;   // "dataplane", "port wan", "route 10.0.0.0/8", "wg0", "wg0/region-b"
  std::string key;     // "allowed_ips"; empty: all of it came or went
  std::string before;  // of a list, only what is in one of the two; of keys, the public one
  std::string after;
  bool live = true;  // else only the next `gotthard up` can bring it
  bool operator==(const Difference&) const = default;
};

[[nodiscard]] std::vector<Difference> differences(const Settings& from, const Settings& to);

}  // namespace gotthard::control
