// Encryption of single messages of IKE, one direction: AES-GCM with a checksum of 16 bytes and
// ChaCha20-Poly1305 (RFC 5282, 7634), and AES-CBC with HMAC-SHA2, encrypted then authenticated, for
// old peers. Packets go through crypto/aead.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "crypto/digest.h"
#include "crypto/secret_bytes.h"

namespace gotthard::crypto {

enum class MessageAlgorithm : std::uint8_t { aes_gcm_16, chacha20_poly1305, aes_cbc };

struct MessageSuite {
  MessageAlgorithm algorithm = MessageAlgorithm::aes_gcm_16;
  std::size_t key_size = 32;          // bytes, without the salt: 16, 24 or 32
  Digest integrity = Digest::sha256;  // of aes_cbc: HMAC, cut to half its length (RFC 4868)

  [[nodiscard]] bool is_aead() const { return algorithm != MessageAlgorithm::aes_cbc; }
  // SK_e has the salt at its end, SK_a is empty with an AEAD.
  [[nodiscard]] std::size_t encryption_key_size() const { return key_size + (is_aead() ? 4 : 0); }
  [[nodiscard]] std::size_t integrity_key_size() const {
    return is_aead() ? 0 : digest_size(integrity);
  }
  [[nodiscard]] std::size_t iv_size() const { return is_aead() ? 8 : 16; }
  [[nodiscard]] std::size_t icv_size() const { return is_aead() ? 16 : digest_size(integrity) / 2; }
  [[nodiscard]] std::size_t block_size() const { return is_aead() ? 1 : 16; }
  bool operator==(const MessageSuite&) const = default;
};

struct MessageKeys {
  SecretBytes encryption;  // encryption_key_size() bytes
  SecretBytes integrity;   // integrity_key_size() bytes
};

// Initialisation vector | ciphertext | checksum. `iv` has iv_size() bytes: an AEAD's must never
// have been used under these keys before, aes_cbc's must not be foreseen. `before` is what the
// message has before it, authenticated too. `plaintext` is whole blocks.
[[nodiscard]] std::vector<std::byte> seal_message(const MessageSuite& suite,
                                                  const MessageKeys& keys,
                                                  std::span<const std::byte> iv,
                                                  std::span<const std::byte> before,
                                                  std::span<const std::byte> plaintext);

// The plaintext, padding included. Nothing: not authentic, or a length that cannot be.
[[nodiscard]] std::optional<std::vector<std::byte>> open_message(const MessageSuite& suite,
                                                                 const MessageKeys& keys,
                                                                 std::span<const std::byte> before,
                                                                 std::span<const std::byte> sealed);

}  // namespace gotthard::crypto
