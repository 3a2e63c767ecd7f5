// The library's header, which comes with hundreds of macros: only crypto/ipsec_mb's own files
// include it.
#pragma once

#define NO_COMPAT_IMB_API_053  // macros named ENCRYPT, GCM and the like
#include <intel-ipsec-mb.h>

#include <cstdint>
#include <span>

#include "crypto/aead_key.h"
#include "crypto/bit_set.h"

namespace gotthard::crypto::ipsec_mb {

// Whether the library looks at each job before it starts: 40 cycles a packet, for fields that all
// come from templates and were looked at when the engine was created.
enum class Check : std::uint8_t { yes, no };

// The jobs of `batch` that are in `chosen`: a batch mixes suites, the library takes one at a time.
struct Chosen {
  std::span<const AeadJob> batch;
  BitSet chosen = 0;
};

}  // namespace gotthard::crypto::ipsec_mb
