// What the files hold that connections name: shared keys, certificates, authorities, by path.
#pragma once

#include <map>
#include <string>

#include "crypto/secret_bytes.h"

namespace gotthard::control {

using IkeFiles = std::map<std::string, crypto::SecretBytes>;

}  // namespace gotthard::control
