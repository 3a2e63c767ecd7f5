// What differs between two versions of an [[ipsec]], and what of it can be changed while it runs.
#pragma once

#include <vector>

#include "control/config/config.h"
#include "control/ipsec/ike_files.h"
#include "control/reload/difference.h"

namespace gotthard::control {

struct IpsecVersion {
  const config::Ipsec& ipsec;
  const IkeFiles& files;
};
// Both have the same name.
[[nodiscard]] std::vector<Difference> ipsec_differences(const IpsecVersion& from,
                                                        const IpsecVersion& to);

}  // namespace gotthard::control
