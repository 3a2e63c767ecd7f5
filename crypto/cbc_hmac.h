// What all backends share of AES-CBC with HMAC in ESP: where things lie, and in what order the MAC
// takes them (RFC 4303, 2.2.1 and 2.8; RFC 3602; RFC 4868).
//   SPI | sequence number, low half | IV | text | tag         and the high half after the text
//   `--------- 8 --------'             16                     if it is extended; it is not sent
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

#include "crypto/aead_key.h"
#include "crypto/algorithms.h"

namespace gotthard::crypto {

inline constexpr std::size_t kCbcIv = 16;
inline constexpr std::size_t kEspHeader = 8;

// SPI, low half, and the high half when there is one.
struct EspOrder {
  std::array<std::byte, kEspHeader> header;
  std::array<std::byte, 4> high;
  std::size_t high_size;
};

[[nodiscard]] inline EspOrder esp_order(const AeadJob& job) {
  EspOrder order{};
  std::memcpy(order.header.data(), job.aad, 4);
  std::memcpy(order.header.data() + 4, job.aad + job.aad_length - 4, 4);
  order.high_size = job.aad_length - kEspHeader;
  std::memcpy(order.high.data(), job.aad + 4, order.high_size);
  return order;
}

// Not so: lengths that the suite has no meaning for, or of which ipsec-mb takes 16 bits and leaves
// the text as it is. A sender who made one is wrong; a receiver refuses.
[[nodiscard]] inline bool fits_cbc_hmac(const AeadJob& job) {
  return job.length % 16 == 0 && job.length <= kMaxText &&
         (job.aad_length == kEspHeader || job.aad_length == 12);
}
inline void require_cbc_hmac(const AeadJob& job) {
  require(fits_cbc_hmac(job), "AES-CBC with HMAC: the length of a text or of what goes with it");
}

// The IV and the text are one stretch. CBC under an IV of zeroes encrypts its first block as the
// block cipher itself does, and chains on from it: with the nonce there, it becomes the IV, and the
// text is encrypted under it.
[[nodiscard]] inline std::byte* iv_and_text(const AeadJob& job) { return job.text - kCbcIv; }
[[nodiscard]] inline std::size_t iv_and_text_size(const AeadJob& job) {
  return kCbcIv + job.length;
}
inline constexpr std::array<unsigned char, kCbcIv> kZeroIv{};
inline void put_nonce(const AeadJob& job) {
  std::byte* iv = iv_and_text(job);
  std::memcpy(iv, job.nonce.data(), job.nonce.size());
  std::memset(iv + job.nonce.size(), 0, kCbcIv - job.nonce.size());
}

}  // namespace gotthard::crypto
