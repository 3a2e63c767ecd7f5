// What the IKE engine is told of a connection: the configuration's words and its files' contents.
#pragma once

#include <string>

#include "base/result.h"
#include "control/config/config.h"
#include "control/ike/sa/settings.h"
#include "control/ipsec/ike_files.h"

namespace gotthard::control {

// INTERFACE/CONNECTION: how the engine, logs and operators name it.
[[nodiscard]] std::string connection_name(const config::Ipsec& ipsec,
                                          const config::Connection& connection);

// Of a connection that IKE makes.
Result<ike::ConnectionSettings> ike_settings(const config::Ipsec& ipsec,
                                             const config::Connection& connection,
                                             const IkeFiles& files, std::uint32_t replay_window);

// A configured selector as IKE has it.
[[nodiscard]] ike::TrafficSelector ike_selector(const config::TrafficSelector& selector);
// For people: "10.1.0.0/16[tcp/443]", or FIRST-LAST where it is no prefix.
[[nodiscard]] std::string to_string(const ike::TrafficSelector& selector);

}  // namespace gotthard::control
