#include "control/ike/auth/auth_data.h"

#include <algorithm>
#include <array>

#include "crypto/prf.h"
#include "crypto/signature_algorithm.h"

namespace gotthard::ike {
namespace {

using crypto::Digest;
using crypto::KeyKind;
using crypto::SignatureFamily;
using crypto::SignatureScheme;

constexpr std::array kOurs = {HashAlgorithm::sha2_256, HashAlgorithm::sha2_384,
                              HashAlgorithm::sha2_512, HashAlgorithm::identity};

Digest function(PrfId prf) { return prf_of(prf).value_or(Digest::sha256); }

HashAlgorithm hash_of(const SignatureScheme& scheme) {
  if (scheme.family == SignatureFamily::ed25519) {
    return HashAlgorithm::identity;
  }
  switch (scheme.digest) {
    case Digest::sha384:
      return HashAlgorithm::sha2_384;
    case Digest::sha512:
      return HashAlgorithm::sha2_512;
    case Digest::sha1:
    case Digest::sha256:
      break;
  }
  return HashAlgorithm::sha2_256;
}

// As strong as the key, then the others.
std::array<Digest, 3> digests_for(const crypto::SigningKey& key) {
  switch (key.kind()) {
    case KeyKind::ecdsa_p384:
      return {Digest::sha384, Digest::sha512, Digest::sha256};
    case KeyKind::ecdsa_p521:
      return {Digest::sha512, Digest::sha384, Digest::sha256};
    case KeyKind::rsa:
    case KeyKind::ecdsa_p256:
    case KeyKind::ed25519:
      break;
  }
  return {Digest::sha256, Digest::sha384, Digest::sha512};
}

SignatureFamily family_for(KeyKind kind) {
  switch (kind) {
    case KeyKind::rsa:
      return SignatureFamily::rsa_pkcs1;
    case KeyKind::ed25519:
      return SignatureFamily::ed25519;
    case KeyKind::ecdsa_p256:
    case KeyKind::ecdsa_p384:
    case KeyKind::ecdsa_p521:
      break;
  }
  return SignatureFamily::ecdsa;
}

std::optional<SignatureScheme> choose(const crypto::SigningKey& key,
                                      const std::optional<SignatureScheme>& wanted,
                                      const HashAlgorithms& theirs) {
  const auto known = [&](const SignatureScheme& scheme) {
    return std::ranges::find(theirs, hash_of(scheme)) != theirs.end();
  };
  if (wanted && key.fits(*wanted) && known(*wanted)) {
    return wanted;
  }
  const SignatureFamily family =
      wanted && key.fits(*wanted) ? wanted->family : family_for(key.kind());
  for (const Digest digest : digests_for(key)) {
    const SignatureScheme scheme{family, digest, crypto::digest_size(digest)};
    if (known(scheme)) {
      return scheme;
    }
  }
  return std::nullopt;
}

struct Rfc4754 {
  AuthMethod method;
  KeyKind kind;
  Digest digest;
};
constexpr std::array kRfc4754 = {
    Rfc4754{AuthMethod::ecdsa_256, KeyKind::ecdsa_p256, Digest::sha256},
    Rfc4754{AuthMethod::ecdsa_384, KeyKind::ecdsa_p384, Digest::sha384},
    Rfc4754{AuthMethod::ecdsa_521, KeyKind::ecdsa_p521, Digest::sha512}};

std::optional<AuthData> sign_by_rfc4754(const crypto::SigningKey& key, Bytes octets) {
  const auto found = std::ranges::find(kRfc4754, key.kind(), &Rfc4754::kind);
  if (found == kRfc4754.end()) {
    return std::nullopt;
  }
  const auto der = key.sign({SignatureFamily::ecdsa, found->digest}, {octets});
  auto data = der ? crypto::ecdsa_to_raw(key.kind(), *der) : std::nullopt;
  return data ? std::optional(AuthData{found->method, std::move(*data)}) : std::nullopt;
}

SignatureVerdict verdict(bool valid) {
  return valid ? SignatureVerdict::valid : SignatureVerdict::wrong;
}

SignatureVerdict verify_by_rfc4754(const crypto::VerifyingKey& key, const Authentication& auth,
                                   Bytes octets) {
  const auto found = std::ranges::find(kRfc4754, auth.method, &Rfc4754::method);
  if (found == kRfc4754.end() || found->kind != key.kind()) {
    return SignatureVerdict::unsupported;
  }
  const auto der = crypto::ecdsa_from_raw(key.kind(), auth.data);
  return verdict(der && key.verify({SignatureFamily::ecdsa, found->digest}, {octets}, *der));
}

}  // namespace

Buffer signed_octets(PrfId prf, const crypto::SecretBytes& p, Bytes message, Bytes nonce,
                     Bytes id_body, Bytes intermediate) {
  const crypto::SecretBytes maced_id = crypto::prf(function(prf), p.bytes(), {id_body});
  Writer octets;
  octets.bytes(message);
  octets.bytes(nonce);
  octets.bytes(maced_id.bytes());
  octets.bytes(intermediate);
  return octets.take();
}

crypto::SecretBytes shared_key_auth(PrfId prf, Bytes shared_key, Bytes octets) {
  constexpr std::string_view kPad = "Key Pad for IKEv2";
  const crypto::SecretBytes key =
      crypto::prf(function(prf), shared_key, {std::as_bytes(std::span(kPad))});
  return crypto::prf(function(prf), key.bytes(), {octets});
}

bool shared_key_auth_valid(PrfId prf, Bytes shared_key, Bytes octets, Bytes auth) {
  return crypto::equal(shared_key_auth(prf, shared_key, octets).bytes(), auth);
}

HashAlgorithms parse_hash_algorithms(const Notify* notify) {
  HashAlgorithms algorithms;
  Reader reader(notify != nullptr ? notify->data : Bytes());
  while (reader.remaining() >= 2) {
    const auto algorithm = static_cast<HashAlgorithm>(reader.u16());
    if (std::ranges::find(kOurs, algorithm) != kOurs.end() &&
        std::ranges::find(algorithms, algorithm) == algorithms.end()) {
      algorithms.push_back(algorithm);
    }
  }
  return algorithms;
}

// RFC 7427, section 4.
Buffer our_hash_algorithms() {
  Writer writer;
  for (const HashAlgorithm algorithm : kOurs) {
    writer.u16(static_cast<std::uint16_t>(algorithm));
  }
  return writer.take();
}

// RFC 7427, section 3: the length of the AlgorithmIdentifier, the AlgorithmIdentifier, the
// signature.
std::optional<AuthData> sign(const crypto::SigningKey& key,
                             const std::optional<SignatureScheme>& wanted,
                             const HashAlgorithms& theirs, Bytes octets) {
  if (theirs.empty()) {
    return sign_by_rfc4754(key, octets);
  }
  const auto scheme = choose(key, wanted, theirs);
  const auto signature = scheme ? key.sign(*scheme, {octets}) : std::nullopt;
  if (!signature) {
    return std::nullopt;
  }
  const crypto::Der identifier = crypto::algorithm_identifier(*scheme);
  Writer data;
  data.u8(static_cast<std::uint8_t>(identifier.size()));
  data.bytes(identifier);
  data.bytes(*signature);
  return AuthData{AuthMethod::digital_signature, data.take()};
}

SignatureVerdict verify(const crypto::VerifyingKey& key, const Authentication& auth, Bytes octets) {
  if (auth.method != AuthMethod::digital_signature) {
    return verify_by_rfc4754(key, auth, octets);
  }
  Reader reader(auth.data);
  const Bytes identifier = reader.bytes(reader.u8());
  const Bytes signature = reader.rest();
  const auto scheme = reader.ok() ? crypto::scheme_of(identifier) : std::nullopt;
  if (!scheme || !key.fits(*scheme)) {
    return SignatureVerdict::unsupported;
  }
  return verdict(key.verify(*scheme, {octets}, signature));
}

std::optional<SignatureScheme> parse_scheme(std::string_view text) {
  if (text == "ed25519") {
    return SignatureScheme{SignatureFamily::ed25519, Digest::sha512, 0};
  }
  const std::size_t dash = text.find('-');
  const std::string_view family = text.substr(0, dash);
  SignatureScheme scheme;
  if (family == "rsa") {
    scheme.family = SignatureFamily::rsa_pkcs1;
  } else if (family == "rsa/pss") {
    scheme.family = SignatureFamily::rsa_pss;
  } else if (family == "ecdsa") {
    scheme.family = SignatureFamily::ecdsa;
  } else {
    return std::nullopt;
  }
  constexpr std::array kDigests = {std::pair(std::string_view("sha256"), Digest::sha256),
                                   std::pair(std::string_view("sha384"), Digest::sha384),
                                   std::pair(std::string_view("sha512"), Digest::sha512)};
  if (dash != std::string_view::npos) {
    const auto found = std::ranges::find(kDigests, text.substr(dash + 1),
                                         &std::pair<std::string_view, Digest>::first);
    if (found == kDigests.end()) {
      return std::nullopt;
    }
    scheme.digest = found->second;
  }
  scheme.salt_size = crypto::digest_size(scheme.digest);
  return scheme;
}

}  // namespace gotthard::ike
