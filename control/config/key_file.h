// Files that hold one key in base64, as `wg genkey` writes them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/fd.h"
#include "control/config/config.h"
#include "crypto/secret.h"

namespace gotthard::config {

// Opens `path` for reading. Refuses what others than its owner may read.
Result<UniqueFd> open_key_file(const std::string& path);

// The key in an open file, from its start (the offset stays). `path` is for messages.
Result<crypto::Secret<32>> read_key(int fd, const std::string& path);

struct KeyProblem {
  std::optional<std::size_t> peer;  // its index; else the interface itself
  const char* key;                  // of the file's table: "private_key_file"
  Error error;
};

// All key files of an interface can be read, hold keys, and no peer has the interface's own. The
// first that is wrong.
std::optional<KeyProblem> check_key_files(const WireGuard& wireguard);

}  // namespace gotthard::config
