// Once per process, before anything else of crypto/ and before seccomp.
#pragma once

#include "base/result.h"

namespace gotthard::crypto {

// Starts the libraries and fetches every algorithm, so that nothing opens a file afterwards
// (random bytes come from getrandom(2)). May be called again; any thread.
Status init();

}  // namespace gotthard::crypto
