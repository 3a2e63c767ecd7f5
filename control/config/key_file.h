// Files that hold one key in base64, as `wg genkey` writes them.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "base/fd.h"
#include "control/config/config.h"
#include "crypto/secret.h"
#include "crypto/secret_bytes.h"

namespace gotthard::config {

// Opens `path` for reading. Refuses what others than its owner may read.
Result<UniqueFd> open_key_file(const std::string& path);

// The key in an open file, from its start (the offset stays). `path` is for messages.
Result<crypto::Secret<32>> read_key(int fd, const std::string& path);

// Key material in hexadecimal, from its start (the offset stays). Refuses another length than
// `size` bytes.
Result<crypto::SecretBytes> read_lab_key(int fd, const std::string& path, std::size_t size);
// Bytes that a key file of the suite holds: the key, then the salt.
[[nodiscard]] std::size_t lab_key_size(const EspSuite& suite);
[[nodiscard]] std::size_t lab_salt_size(const EspSuite& suite);
struct LabKeyPlace {
  std::size_t connection = 0, child = 0, pair = 0;  // indices
  const char* key = "";                             // of the file's table
};
// All of them can be read and hold keys, no two the same. `report` is told where one does not.
void check_lab_key_files(
    const Ipsec& ipsec,
    const std::function<void(const LabKeyPlace& place, const std::string& message)>& report);

struct KeyProblem {
  std::optional<std::size_t> peer;  // its index; else the interface itself
  const char* key;                  // of the file's table: "private_key_file"
  Error error;
};

// All key files of an interface can be read, hold keys, and no peer has the interface's own. The
// first that is wrong.
std::optional<KeyProblem> check_key_files(const WireGuard& wireguard);

}  // namespace gotthard::config
