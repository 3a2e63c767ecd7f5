// ChaCha20-Poly1305 by the wide kernels, for those who choose one: compiled for any CPU.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/aead_key.h"

namespace gotthard::crypto::wide {

// The key itself: there is nothing to expand.
struct alignas(32) ChaChaKey {
  std::uint8_t bytes[32];
};

// Packets with more associated data are not for the kernels.
inline constexpr std::uint32_t kChaChaLongestAad = 16;

struct ChaChaKernel {
  // The packets jobs[order[0]] ... jobs[order[count - 1]], count <= kMaxBatch; faster when they are
  // in the order of their lengths. Bit i of what is returned: the packet at order[i] is authentic.
  // Of one that is not, the text is zeroed.
  void (*seal)(const AeadJob* jobs, const std::uint8_t* order, std::size_t count) noexcept;
  std::uint64_t (*open)(const AeadJob* jobs, const std::uint8_t* order, std::size_t count) noexcept;
};

// To be called only where the CPU has what they are compiled for: see cpu.h.
extern const ChaChaKernel kChaChaAvx512;
extern const ChaChaKernel kChaChaAvx2;

}  // namespace gotthard::crypto::wide
