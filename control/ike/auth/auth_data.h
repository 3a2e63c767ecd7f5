// What the AUTH payload is made of: the octets that are signed, shared keys, signatures (RFC 7296,
// section 2.15; RFC 7427; RFC 4754; RFC 8420).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "control/ike/message/identity_payloads.h"
#include "control/ike/message/notify_payload.h"
#include "control/ike/proposal/suite.h"
#include "crypto/secret_bytes.h"
#include "crypto/signature.h"

namespace gotthard::ike {

// RealMessage | Nonce | prf(SK_p, RestOfIDPayload). `message`: the signer's whole first message of
// IKE_SA_INIT, without non-ESP marker. `nonce`: the other side's. `id_body`: the signer's ID
// payload without its generic header. `intermediate`: of RFC 9242, empty without it.
[[nodiscard]] Buffer signed_octets(PrfId prf, const crypto::SecretBytes& p, Bytes message,
                                   Bytes nonce, Bytes id_body, Bytes intermediate = {});

// prf(prf(shared key, "Key Pad for IKEv2"), octets)
[[nodiscard]] crypto::SecretBytes shared_key_auth(PrfId prf, Bytes shared_key, Bytes octets);
[[nodiscard]] bool shared_key_auth_valid(PrfId prf, Bytes shared_key, Bytes octets, Bytes auth);

// The hash algorithms of a SIGNATURE_HASH_ALGORITHMS notify; none when it did not come, and then
// the peer knows only the methods that came before RFC 7427.
using HashAlgorithms = std::vector<HashAlgorithm>;
[[nodiscard]] HashAlgorithms parse_hash_algorithms(const Notify* notify);
// Ours: SHA-2, and "identity" for Ed25519.
[[nodiscard]] Buffer our_hash_algorithms();

struct AuthData {
  AuthMethod method = AuthMethod::digital_signature;
  Buffer data;
};

// With `wanted`, if it is given and the peer knows its hash, else as fits the key: RSA by PKCS#1
// v1.5, hashes as strong as the key. Nothing when key and peer have nothing in common; RSA needs
// RFC 7427, because before it there was SHA-1.
[[nodiscard]] std::optional<AuthData> sign(const crypto::SigningKey& key,
                                           const std::optional<crypto::SignatureScheme>& wanted,
                                           const HashAlgorithms& theirs, Bytes octets);

enum class SignatureVerdict : std::uint8_t {
  valid,
  wrong,
  unsupported,  // the method, or an algorithm that is weak or not known
};
[[nodiscard]] SignatureVerdict verify(const crypto::VerifyingKey& key, const Authentication& auth,
                                      Bytes octets);

// swanctl's words for `auth`: "rsa", "rsa-sha384", "rsa/pss", "rsa/pss-sha512", "ecdsa-sha256",
// "ed25519". Nothing for others.
[[nodiscard]] std::optional<crypto::SignatureScheme> parse_scheme(std::string_view text);

}  // namespace gotthard::ike
