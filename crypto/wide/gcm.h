// AES-GCM by the wide kernels, for those who choose one: compiled for any CPU.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/aead_key.h"
#include "crypto/wide/gcm_key.h"

namespace gotthard::crypto::wide {

struct GcmKernel {
  // `size`: 16, 24 or 32 bytes.
  void (*expand)(const std::uint8_t* key, std::size_t size, GcmKey* out) noexcept;
  // The packets jobs[order[0]] ... jobs[order[count - 1]], count <= kMaxBatch, all with keys of
  // `key_size` bytes; faster when they are in the order of their lengths. Bit i of what is
  // returned: the packet at order[i] is authentic. A text that is not is zeroed.
  void (*seal)(const AeadJob* jobs, const std::uint8_t* order, std::size_t count,
               std::size_t key_size) noexcept;
  std::uint64_t (*open)(const AeadJob* jobs, const std::uint8_t* order, std::size_t count,
                        std::size_t key_size) noexcept;
};

// To be called only where the CPU has what they are compiled for: see cpu.h.
extern const GcmKernel kGcmAvx512;
extern const GcmKernel kGcmAvx2;

}  // namespace gotthard::crypto::wide
