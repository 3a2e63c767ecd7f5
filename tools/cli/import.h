// `gotthard import wg0.conf`: files of ours from a file of wg-quick's.
#pragma once

#include <string>

namespace gotthard::cli {

// Writes NAME.toml, NAME.key and the preshared keys' files into `directory`, readable by their
// owner only; replaces none. Warnings go to standard error. An exit status.
int import_file(const std::string& file, const std::string& directory, bool as_json);

}  // namespace gotthard::cli
