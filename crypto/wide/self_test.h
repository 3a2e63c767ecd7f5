// What is compiled for this CPU is checked on it before a packet is sealed: a compiler or a CPU
// that gets it wrong is found at the start.
#pragma once

#include "base/result.h"

namespace gotthard::crypto {
class WideAead;
}

namespace gotthard::crypto::wide {

// Seals and opens packets of many lengths with every suite, against the portable backend.
Status self_test(WideAead& aead);

}  // namespace gotthard::crypto::wide
