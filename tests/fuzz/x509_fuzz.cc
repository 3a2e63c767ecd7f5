// Certificates and identities as a peer sends them: all that is asked of them, and a chain to an
// authority that has nothing to do with them.
#include <cstdint>
#include <string_view>

#include "control/ike/identity/identity.h"
#include "crypto/certificate.h"
#include "crypto/init.h"
#include "crypto/trust_store.h"
#include "tests/fuzz/ike.h"

namespace {

using namespace gotthard;

void ask(const crypto::Certificate& certificate) {
  (void)certificate.subject_text();
  (void)certificate.issuer_text();
  (void)certificate.serial_text();
  (void)certificate.alternative_names();
  (void)certificate.key_hash();
  (void)certificate.may_authenticate();
  (void)certificate.is_authority();
  ike::fuzz::require(crypto::Certificate::parse(certificate.der()).has_value());
  const crypto::TrustStore nobody;
  ike::fuzz::require(
      !nobody.verify(certificate, {certificate}, 1'790'000'000, crypto::Revocation::relaxed));
  crypto::TrustStore itself;
  itself.add_anchor(certificate);
  (void)itself.verify(certificate, {}, 1'790'000'000, crypto::Revocation::strict);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = crypto::init().has_value();
  if (!ready || size < 2) {
    return 0;
  }
  const ike::Bytes rest = ike::fuzz::view(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    if (const auto certificate = crypto::Certificate::parse(rest)) {
      ask(*certificate);
    }
    return 0;
  }
  if (const auto payload = ike::parse_identification(rest)) {
    const ike::Identity identity = ike::identity_of(*payload);
    const std::string text = ike::to_string(identity);
    for (const char c : text) {
      ike::fuzz::require(static_cast<unsigned char>(c) >= ' ' || c == '\t');
    }
    for (const std::string_view pattern : {"*.example", "CN=*", "gw@example", "any"}) {
      (void)ike::IdentityPattern::parse(pattern)->matches(identity);
    }
  }
  const std::string_view words(reinterpret_cast<const char*>(data + 1), size - 1);
  if (const auto parsed = ike::parse_identity(words)) {
    (void)ike::to_string(*parsed);
  }
  return 0;
}
