// What a packet can be sealed with: WireGuard's one suite and those of ESP.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace gotthard::crypto {

enum class Suite : std::uint8_t {
  chacha20_poly1305,  // RFC 8439; in ESP RFC 7634
  aes128_gcm,         // RFC 4106 with the tag of 16 bytes
  aes192_gcm,
  aes256_gcm,
  aes128_gmac,  // RFC 4543 (ENCR_NULL_AUTH_AES_GMAC): authenticates, encrypts nothing
  aes192_gmac,
  aes256_gmac,
  aes128_cbc_hmac_sha256_128,  // for old peers: RFC 3602 and RFC 4868, encrypt-then-MAC
  aes128_cbc_hmac_sha384_192,
  aes128_cbc_hmac_sha512_256,
  aes192_cbc_hmac_sha256_128,
  aes192_cbc_hmac_sha384_192,
  aes192_cbc_hmac_sha512_256,
  aes256_cbc_hmac_sha256_128,
  aes256_cbc_hmac_sha384_192,
  aes256_cbc_hmac_sha512_256,
};
inline constexpr std::size_t kSuites = 16;

// Suites that differ in their sizes only.
enum class Family : std::uint8_t { chacha20_poly1305, aes_gcm, aes_gmac, aes_cbc_hmac };

// Sizes in bytes.
struct SuiteTraits {
  Family family;
  std::uint8_t cipher_key;
  std::uint8_t mac_key;  // of the HMAC: as long as its hash (RFC 4868, 2.1.1)
  std::uint8_t tag;
  std::uint8_t salt;       // the nonce's first bytes in ESP, negotiated with the key
  std::uint8_t iv;         // what ESP carries between its header and the text
  std::uint8_t alignment;  // the text's length is a multiple of it
};

// Not inside of traits_of(): compilers would put it on the stack anew for each packet.
inline constexpr std::array<SuiteTraits, kSuites> kSuiteTraits{{
    {Family::chacha20_poly1305, 32, 0, 16, 4, 8, 1},
    {Family::aes_gcm, 16, 0, 16, 4, 8, 1},
    {Family::aes_gcm, 24, 0, 16, 4, 8, 1},
    {Family::aes_gcm, 32, 0, 16, 4, 8, 1},
    {Family::aes_gmac, 16, 0, 16, 4, 8, 1},
    {Family::aes_gmac, 24, 0, 16, 4, 8, 1},
    {Family::aes_gmac, 32, 0, 16, 4, 8, 1},
    {Family::aes_cbc_hmac, 16, 32, 16, 0, 16, 16},
    {Family::aes_cbc_hmac, 16, 48, 24, 0, 16, 16},
    {Family::aes_cbc_hmac, 16, 64, 32, 0, 16, 16},
    {Family::aes_cbc_hmac, 24, 32, 16, 0, 16, 16},
    {Family::aes_cbc_hmac, 24, 48, 24, 0, 16, 16},
    {Family::aes_cbc_hmac, 24, 64, 32, 0, 16, 16},
    {Family::aes_cbc_hmac, 32, 32, 16, 0, 16, 16},
    {Family::aes_cbc_hmac, 32, 48, 24, 0, 16, 16},
    {Family::aes_cbc_hmac, 32, 64, 32, 0, 16, 16},
}};

[[nodiscard]] constexpr const SuiteTraits& traits_of(Suite suite) {
  return kSuiteTraits[static_cast<std::size_t>(suite)];
}

[[nodiscard]] constexpr Family family_of(Suite suite) { return traits_of(suite).family; }
[[nodiscard]] constexpr std::size_t cipher_key_size(Suite suite) {
  return traits_of(suite).cipher_key;
}
[[nodiscard]] constexpr std::size_t mac_key_size(Suite suite) { return traits_of(suite).mac_key; }
// All key material: the cipher's key, then the MAC's (the order of RFC 7296, 2.17). No salt.
[[nodiscard]] constexpr std::size_t key_size(Suite suite) {
  return cipher_key_size(suite) + mac_key_size(suite);
}
[[nodiscard]] constexpr std::size_t tag_size(Suite suite) { return traits_of(suite).tag; }
[[nodiscard]] constexpr std::size_t salt_size(Suite suite) { return traits_of(suite).salt; }
[[nodiscard]] constexpr std::size_t iv_size(Suite suite) { return traits_of(suite).iv; }
[[nodiscard]] constexpr std::size_t text_alignment(Suite suite) {
  return traits_of(suite).alignment;
}

inline constexpr std::size_t kMaxKeySize = 32 + 64;
inline constexpr std::size_t kMaxTagSize = 32;
inline constexpr std::size_t kMaxIvSize = 16;

}  // namespace gotthard::crypto
