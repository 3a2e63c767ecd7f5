// Reads wg-quick(8)'s configuration files and writes them as ours. Sans-I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/secret_string.h"

namespace gotthard::cli {

struct KeyText {
  std::string file;  // its name, beside the configuration
  crypto::SecretString text;
};

struct Imported {
  std::string toml;
  std::vector<KeyText> keys;
  // What the file says and ours does not, each by name and line: nothing is left out silently.
  std::vector<std::string> warnings;
};

// `name` is the interface's: wg-quick takes it from the file's. An error names the line.
[[nodiscard]] Result<Imported> import_wg_quick(std::string_view text, const std::string& name);

}  // namespace gotthard::cli
