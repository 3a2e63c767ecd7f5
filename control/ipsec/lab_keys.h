// Key material of lab_keys by file, as the supervisor has opened it: once in a key's life.
#pragma once

#include <map>
#include <string>

#include "crypto/secret_bytes.h"

namespace gotthard::control {

using LabKeys = std::map<std::string, crypto::SecretBytes>;

}  // namespace gotthard::control
