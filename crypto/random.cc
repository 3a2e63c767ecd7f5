#include "crypto/random.h"

#include <sodium.h>

namespace gotthard::crypto {

void random_bytes(std::span<std::byte> out) noexcept {
  if (!out.empty()) {  // an empty span may have no address
    randombytes_buf(out.data(), out.size());
  }
}

std::uint32_t random_u32() noexcept { return randombytes_random(); }

std::uint64_t random_u64() noexcept {
  return std::uint64_t{randombytes_random()} << 32 | randombytes_random();
}

}  // namespace gotthard::crypto
