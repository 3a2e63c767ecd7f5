// Key files by path, as the supervisor has opened them.
#pragma once

#include <map>
#include <string>

#include "crypto/secret.h"

namespace gotthard::control {

using Keys = std::map<std::string, crypto::Secret<32>>;

}  // namespace gotthard::control
