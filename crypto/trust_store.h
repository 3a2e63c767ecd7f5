// Who is trusted: authorities, their revocation lists, and chains that lead to them (RFC 5280,
// section 6; by OpenSSL).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/result.h"
#include "crypto/certificate.h"

struct x509_store_st;

namespace gotthard::crypto {

enum class ChainFailure : std::uint8_t {
  expired,
  not_yet_valid,
  revoked,
  untrusted,           // leads to no authority that is trusted
  no_revocation_list,  // strict: there is none that is valid for an issuer
  bad,                 // a signature, a constraint, an algorithm that is too weak
};

struct ChainError {
  ChainFailure failure = ChainFailure::bad;
  std::string text;  // for people: which certificate, and what is wrong with it
};

// As swanctl's `revocation`: relaxed refuses what a list names; strict wants a valid list for each
// issuer too.
enum class Revocation : std::uint8_t { relaxed, strict };

// Made once, then only read; reload makes a new one.
class TrustStore {
 public:
  // What a peer may send beside its own certificate, and how long a chain may become.
  static constexpr std::size_t kMaxUntrusted = 8;
  static constexpr int kMaxDepth = 8;

  TrustStore();

  // Any certificate may be an anchor: a root, an intermediate authority, or a peer's own.
  void add_anchor(const Certificate& certificate);
  // All lists of a file: PEM, one after the other, or one as DER.
  Status add_revocation_lists(std::span<const std::byte> file);

  // `now`: seconds since 1970. `untrusted`: certificates that may be used on the way; those beyond
  // kMaxUntrusted are not.
  [[nodiscard]] tl::expected<void, ChainError> verify(const Certificate& leaf,
                                                      const std::vector<Certificate>& untrusted,
                                                      std::int64_t now,
                                                      Revocation revocation) const;

  [[nodiscard]] const std::vector<Certificate>& anchors() const { return anchors_; }

 private:
  std::shared_ptr<x509_store_st> store_;
  std::vector<Certificate> anchors_;
  bool has_lists_ = false;
};

}  // namespace gotthard::crypto
