// What could be better about the connections that IKE makes, and their files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/config/ike_credentials.h"

namespace gotthard::config {

// Of one connection, each a sentence of advice. `now`: seconds since 1970.
[[nodiscard]] std::vector<std::string> audit_ike(const std::string& name,
                                                 const Connection& connection,
                                                 const IkeCredentials& credentials,
                                                 std::int64_t now);
// Of all connections, with their files as they are now.
[[nodiscard]] std::vector<std::string> audit_ike(const Config& config, std::int64_t now);

}  // namespace gotthard::config
