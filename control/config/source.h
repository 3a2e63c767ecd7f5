// A file of TOML before its keys are looked at.
#pragma once

#include <toml++/toml.h>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gotthard::config {

// Of at most 16 MiB.
Result<std::string> read_source(const std::string& path);
// An error is "FILE:LINE: ...".
Result<toml::table> parse_source(std::string_view text, const std::string& path);

}  // namespace gotthard::config
