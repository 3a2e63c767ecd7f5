#include "crypto/signature_algorithm.h"

#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <memory>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/openssl.h"

namespace gotthard::crypto {
namespace {

using Algorithm = std::unique_ptr<X509_ALGOR, Freed<X509_ALGOR_free>>;
using PssParameters = std::unique_ptr<RSA_PSS_PARAMS, Freed<RSA_PSS_PARAMS_free>>;

constexpr std::size_t kMaxSalt = 64;

struct Named {
  int nid;
  SignatureScheme scheme;
};

const std::array kNamed = {
    Named{NID_sha256WithRSAEncryption, {SignatureFamily::rsa_pkcs1, Digest::sha256, 0}},
    Named{NID_sha384WithRSAEncryption, {SignatureFamily::rsa_pkcs1, Digest::sha384, 0}},
    Named{NID_sha512WithRSAEncryption, {SignatureFamily::rsa_pkcs1, Digest::sha512, 0}},
    Named{NID_ecdsa_with_SHA256, {SignatureFamily::ecdsa, Digest::sha256, 0}},
    Named{NID_ecdsa_with_SHA384, {SignatureFamily::ecdsa, Digest::sha384, 0}},
    Named{NID_ecdsa_with_SHA512, {SignatureFamily::ecdsa, Digest::sha512, 0}},
    Named{NID_ED25519, {SignatureFamily::ed25519, Digest::sha512, 0}},
};

constexpr std::array kDigests = {std::pair(NID_sha256, Digest::sha256),
                                 std::pair(NID_sha384, Digest::sha384),
                                 std::pair(NID_sha512, Digest::sha512)};

std::optional<Digest> digest_of(const X509_ALGOR* algorithm) {
  if (algorithm == nullptr) {
    return std::nullopt;  // the default is SHA-1
  }
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  for (const auto& [nid, digest] : kDigests) {
    if (OBJ_obj2nid(object) == nid) {
      return digest;
    }
  }
  return std::nullopt;
}

// The digest's algorithm inside MGF1's.
Algorithm mask_digest(const X509_ALGOR* mask) {
  const ASN1_OBJECT* object = nullptr;
  const void* value = nullptr;
  int type = 0;
  X509_ALGOR_get0(&object, &type, &value, mask);
  if (OBJ_obj2nid(object) != NID_mgf1 || type != V_ASN1_SEQUENCE) {
    return nullptr;
  }
  const auto* sequence = static_cast<const ASN1_STRING*>(value);
  const unsigned char* at = ASN1_STRING_get0_data(sequence);
  return Algorithm(d2i_X509_ALGOR(nullptr, &at, ASN1_STRING_length(sequence)));
}

std::optional<SignatureScheme> pss_scheme(int type, const void* value) {
  if (type != V_ASN1_SEQUENCE) {
    return std::nullopt;
  }
  const auto* sequence = static_cast<const ASN1_STRING*>(value);
  const unsigned char* at = ASN1_STRING_get0_data(sequence);
  const PssParameters parameters(d2i_RSA_PSS_PARAMS(nullptr, &at, ASN1_STRING_length(sequence)));
  if (parameters == nullptr || parameters->maskGenAlgorithm == nullptr) {
    return std::nullopt;
  }
  const Algorithm mask = mask_digest(parameters->maskGenAlgorithm);
  const auto digest = digest_of(parameters->hashAlgorithm);
  const std::int64_t salt =
      parameters->saltLength != nullptr ? ASN1_INTEGER_get(parameters->saltLength) : 20;
  const bool trailer =
      parameters->trailerField == nullptr || ASN1_INTEGER_get(parameters->trailerField) == 1;
  if (!digest || digest_of(mask.get()) != digest || !trailer || salt < 0 ||
      salt > static_cast<std::int64_t>(kMaxSalt)) {
    return std::nullopt;
  }
  return SignatureScheme{SignatureFamily::rsa_pss, *digest, static_cast<std::size_t>(salt)};
}

Der from_hex(std::string_view digits) {
  const auto value = [](char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  Der result;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    result.push_back(static_cast<std::byte>(value(digits[i]) << 4 | value(digits[i + 1])));
  }
  return result;
}

// RFC 7427, appendix A.4, with what differs by digest: its object's last byte and the salt.
Der pss_identifier(const SignatureScheme& scheme) {
  Der result = from_hex(
      "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d"
      "010108300d06096086480165030402010500a203020120");
  const std::size_t which = scheme.digest == Digest::sha256   ? 1
                            : scheme.digest == Digest::sha384 ? 2
                                                              : 3;
  result[29] = static_cast<std::byte>(which);
  result[59] = static_cast<std::byte>(which);
  result.back() = static_cast<std::byte>(scheme.salt_size);
  return result;
}

}  // namespace

Der algorithm_identifier(const SignatureScheme& scheme) {
  const char digest = scheme.digest == Digest::sha256 ? 0 : scheme.digest == Digest::sha384 ? 1 : 2;
  Der result;
  switch (scheme.family) {
    case SignatureFamily::rsa_pkcs1:
      result = from_hex("300d06092a864886f70d01010b0500");
      result[12] = static_cast<std::byte>(0x0b + digest);
      return result;
    case SignatureFamily::ecdsa:
      result = from_hex("300a06082a8648ce3d040302");
      result[11] = static_cast<std::byte>(0x02 + digest);
      return result;
    case SignatureFamily::ed25519:
      return from_hex("300506032b6570");
    case SignatureFamily::rsa_pss:
      break;
  }
  return pss_identifier(scheme);
}

std::optional<SignatureScheme> scheme_of(std::span<const std::byte> identifier) {
  const unsigned char* at = raw(identifier.data());
  const Algorithm algorithm(d2i_X509_ALGOR(
      nullptr, &at, static_cast<long>(identifier.size())));  // NOLINT: OpenSSL's type
  if (algorithm == nullptr || at != raw(identifier.data()) + identifier.size()) {
    return std::nullopt;
  }
  const ASN1_OBJECT* object = nullptr;
  const void* value = nullptr;
  int type = 0;
  X509_ALGOR_get0(&object, &type, &value, algorithm.get());
  const int nid = OBJ_obj2nid(object);
  if (nid == NID_rsassaPss) {
    return pss_scheme(type, value);
  }
  for (const Named& named : kNamed) {
    if (named.nid == nid && (type == V_ASN1_UNDEF || type == V_ASN1_NULL)) {
      return named.scheme;
    }
  }
  return std::nullopt;
}

}  // namespace gotthard::crypto
