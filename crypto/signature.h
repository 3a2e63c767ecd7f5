// Signatures for authentication: RSA (PSS, PKCS#1 v1.5), ECDSA on the NIST curves, Ed25519; SHA-2
// only. Keys are the certificates' and the files'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/digest.h"

struct evp_pkey_st;

namespace gotthard::crypto {

enum class KeyKind : std::uint8_t { rsa, ecdsa_p256, ecdsa_p384, ecdsa_p521, ed25519 };
[[nodiscard]] std::string_view name(KeyKind kind);

enum class SignatureFamily : std::uint8_t { rsa_pkcs1, rsa_pss, ecdsa, ed25519 };

struct SignatureScheme {
  SignatureFamily family = SignatureFamily::ecdsa;
  Digest digest = Digest::sha256;  // Ed25519 has its own inside
  std::size_t salt_size = 32;      // of rsa_pss
  bool operator==(const SignatureScheme&) const = default;
};

// Refuses keys of other kinds and RSA keys shorter than this.
inline constexpr std::size_t kMinRsaBits = 2048;

// Owns an EVP_PKEY, which is only read: copies share it.
class VerifyingKey {
 public:
  // Takes over one reference.
  static Result<VerifyingKey> adopt(evp_pkey_st* key);

  [[nodiscard]] KeyKind kind() const { return kind_; }
  [[nodiscard]] std::size_t bits() const;
  [[nodiscard]] bool fits(const SignatureScheme& scheme) const;
  // ECDSA signatures are DER (RFC 3279). A scheme that does not fit the key verifies nothing.
  [[nodiscard]] bool verify(const SignatureScheme& scheme, Pieces message,
                            std::span<const std::byte> signature) const;
  [[nodiscard]] bool same_as(const VerifyingKey& other) const;

 private:
  friend class SigningKey;
  VerifyingKey(std::shared_ptr<evp_pkey_st> key, KeyKind kind)
      : key_(std::move(key)), kind_(kind) {}

  std::shared_ptr<evp_pkey_st> key_;
  KeyKind kind_;
};

// A private key: OpenSSL wipes it when its last owner ends. Never printed, never written.
class SigningKey {
 public:
  // Of a key file: PEM (PKCS#8 or traditional, without a passphrase) or DER.
  static Result<SigningKey> parse(std::span<const std::byte> file);

  [[nodiscard]] KeyKind kind() const { return key_.kind(); }
  [[nodiscard]] bool fits(const SignatureScheme& scheme) const { return key_.fits(scheme); }
  [[nodiscard]] bool belongs_to(const VerifyingKey& key) const { return key_.same_as(key); }
  // Nothing when the scheme does not fit the key.
  [[nodiscard]] std::optional<std::vector<std::byte>> sign(const SignatureScheme& scheme,
                                                           Pieces message) const;

 private:
  explicit SigningKey(VerifyingKey key) : key_(std::move(key)) {}
  VerifyingKey key_;
};

// RFC 4754 has ECDSA signatures as r | s, each as long as the curve's order.
[[nodiscard]] std::optional<std::vector<std::byte>> ecdsa_to_raw(KeyKind kind,
                                                                 std::span<const std::byte> der);
[[nodiscard]] std::optional<std::vector<std::byte>> ecdsa_from_raw(
    KeyKind kind, std::span<const std::byte> raw_signature);

}  // namespace gotthard::crypto
