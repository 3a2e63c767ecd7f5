#include "control/config/ike_suites.h"

#include <algorithm>
#include <array>

#include "control/ike/proposal/proposal_text.h"
#include "crypto/suite.h"

namespace gotthard::config {
namespace {

using enum ike::EncryptionId;
using enum ike::IntegrityId;

struct Known {
  ike::EncryptionId encryption;
  std::uint16_t key_bits;
  ike::IntegrityId integrity;
};
// In the order of crypto::Suite.
constexpr std::array<Known, crypto::kSuites> kKnown{{
    {chacha20_poly1305, 256, none},
    {aes_gcm_16, 128, none},
    {aes_gcm_16, 192, none},
    {aes_gcm_16, 256, none},
    {aes_gmac, 128, none},
    {aes_gmac, 192, none},
    {aes_gmac, 256, none},
    {aes_cbc, 128, hmac_sha2_256_128},
    {aes_cbc, 128, hmac_sha2_384_192},
    {aes_cbc, 128, hmac_sha2_512_256},
    {aes_cbc, 192, hmac_sha2_256_128},
    {aes_cbc, 192, hmac_sha2_384_192},
    {aes_cbc, 192, hmac_sha2_512_256},
    {aes_cbc, 256, hmac_sha2_256_128},
    {aes_cbc, 256, hmac_sha2_384_192},
    {aes_cbc, 256, hmac_sha2_512_256},
}};

std::vector<std::uint16_t> numbers(const ike::Proposal& proposal, ike::TransformType type) {
  std::vector<std::uint16_t> result;
  for (const ike::Transform& transform : proposal.transforms) {
    if (transform.type == type) {
      result.push_back(transform.id);
    }
  }
  return result;
}

}  // namespace

std::optional<EspSuite> esp_suite_of(const ike::EspSuite& negotiated) {
  const auto found = std::ranges::find_if(kKnown, [&](const Known& known) {
    return known.encryption == negotiated.encryption && known.integrity == negotiated.integrity &&
           (known.encryption == chacha20_poly1305 || known.key_bits == negotiated.key_bits);
  });
  if (found == kKnown.end()) {
    return std::nullopt;
  }
  return EspSuite{.suite = static_cast<std::uint8_t>(found - kKnown.begin()),
                  .extended = negotiated.esn};
}

std::vector<EspSuite> suites_of(const Connection& connection, const Child& child) {
  std::vector<EspSuite> suites;
  const auto proposals =
      ike::parse_proposals(child.esp_proposals, ike::Protocol::esp, connection.allow_legacy);
  if (!proposals) {
    return suites;
  }
  for (const ike::Proposal& proposal : *proposals) {
    std::vector<std::uint16_t> integrities = numbers(proposal, ike::TransformType::integrity);
    integrities.push_back(static_cast<std::uint16_t>(none));  // of an AEAD
    for (const ike::Transform& transform : proposal.transforms) {
      for (const std::uint16_t integrity : integrities) {
        const auto suite =
            transform.type == ike::TransformType::encryption
                ? esp_suite_of({.encryption = static_cast<ike::EncryptionId>(transform.id),
                                .key_bits = transform.key_length.value_or(256),
                                .integrity = static_cast<ike::IntegrityId>(integrity)})
                : std::nullopt;
        if (suite) {
          suites.push_back(*suite);
        }
      }
    }
  }
  return suites;
}

}  // namespace gotthard::config
