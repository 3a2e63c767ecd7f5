// X.509 certificates (RFC 5280): what is in one, and which names it covers (RFC 4945).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/distinguished_name.h"
#include "crypto/signature.h"

struct x509_st;

namespace gotthard::crypto {

// Longer ones are refused: no certificate of use is.
inline constexpr std::size_t kMaxCertificate = 16384;

// Only read after it was made: copies share it.
class Certificate {
 public:
  // Exactly one, of a peer or of a file.
  static Result<Certificate> parse(std::span<const std::byte> der);
  // All of a file: PEM, one after the other, or one as DER. At least one.
  static Result<std::vector<Certificate>> parse_file(std::span<const std::byte> file);

  [[nodiscard]] const Der& der() const { return *der_; }
  [[nodiscard]] const VerifyingKey& key() const { return key_; }
  [[nodiscard]] Der subject() const;
  [[nodiscard]] std::string subject_text() const;
  [[nodiscard]] std::string issuer_text() const;
  [[nodiscard]] std::string serial_text() const;  // hex digits
  // Seconds since 1970, UTC.
  [[nodiscard]] std::int64_t not_before() const { return not_before_; }
  [[nodiscard]] std::int64_t not_after() const { return not_after_; }
  [[nodiscard]] bool is_authority() const;
  // May sign for authentication: keyUsage is absent, or has digitalSignature or nonRepudiation
  // (RFC 4945, section 5.1.3.2).
  [[nodiscard]] bool may_authenticate() const;
  // SHA-1 of the SubjectPublicKeyInfo: how certificate requests name an authority.
  [[nodiscard]] std::array<std::uint8_t, 20> key_hash() const;

  // subjectAltName has this name: letter case does not count, nothing stands for another.
  [[nodiscard]] bool covers_host(std::string_view name) const;
  [[nodiscard]] bool covers_email(std::string_view address) const;
  [[nodiscard]] bool covers_address(std::span<const std::byte> address) const;  // 4 or 16 bytes
  // The subjectKeyIdentifier is this.
  [[nodiscard]] bool covers_key_id(std::span<const std::byte> id) const;
  // For people: what subjectAltName has.
  [[nodiscard]] std::vector<std::string> alternative_names() const;

  // The library's own, for crypto/trust_store.cc.
  [[nodiscard]] x509_st* native() const { return native_.get(); }

 private:
  Certificate(std::shared_ptr<x509_st> native, Der der, VerifyingKey key);

  std::shared_ptr<x509_st> native_;
  std::shared_ptr<const Der> der_;
  VerifyingKey key_;
  std::int64_t not_before_ = 0;
  std::int64_t not_after_ = 0;
};

// "2026-11-23 17:40:33 UTC"
[[nodiscard]] std::string time_text(std::int64_t seconds);

}  // namespace gotthard::crypto
