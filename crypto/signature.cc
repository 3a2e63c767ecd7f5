#include "crypto/signature.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <string>
#include <utility>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/ike_algorithms.h"
#include "crypto/openssl.h"

namespace gotthard::crypto {
namespace {

using Bytes = std::span<const std::byte>;
using Input = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

std::optional<KeyKind> kind_of(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1) {
    return KeyKind::rsa;
  }
  if (EVP_PKEY_is_a(key, "ED25519") == 1) {
    return KeyKind::ed25519;
  }
  if (EVP_PKEY_is_a(key, "EC") != 1) {
    return std::nullopt;
  }
  std::array<char, 64> curve{};
  if (EVP_PKEY_get_group_name(key, curve.data(), curve.size(), nullptr) != 1) {
    return std::nullopt;
  }
  const std::string_view name = curve.data();
  if (name == "prime256v1" || name == "P-256") {
    return KeyKind::ecdsa_p256;
  }
  if (name == "secp384r1" || name == "P-384") {
    return KeyKind::ecdsa_p384;
  }
  if (name == "secp521r1" || name == "P-521") {
    return KeyKind::ecdsa_p521;
  }
  return std::nullopt;
}

std::vector<std::byte> joined(Pieces pieces) {
  std::vector<std::byte> result;
  for (const Bytes piece : pieces) {
    result.insert(result.end(), piece.begin(), piece.end());
  }
  return result;
}

bool set_padding(EVP_PKEY_CTX* context, const SignatureScheme& scheme) {
  if (scheme.family == SignatureFamily::rsa_pkcs1) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  }
  if (scheme.family == SignatureFamily::rsa_pss) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, static_cast<int>(scheme.salt_size)) == 1;
  }
  return true;
}

const EVP_MD* digest_for(const SignatureScheme& scheme) {
  return scheme.family == SignatureFamily::ed25519
             ? nullptr
             : ike_algorithms().digest[static_cast<std::size_t>(scheme.digest)];
}

// No prompt: control has no terminal, and a question would wait for ever.
int no_passphrase(char*, int, int, void*) { return -1; }

std::size_t order_size(KeyKind kind) {
  switch (kind) {
    case KeyKind::ecdsa_p256:
      return 32;
    case KeyKind::ecdsa_p384:
      return 48;
    case KeyKind::ecdsa_p521:
      return 66;
    case KeyKind::rsa:
    case KeyKind::ed25519:
      break;
  }
  return 0;
}

}  // namespace

std::string_view name(KeyKind kind) {
  constexpr std::array<std::string_view, 5> kNames = {"RSA", "ECDSA P-256", "ECDSA P-384",
                                                      "ECDSA P-521", "Ed25519"};
  return kNames[static_cast<std::size_t>(kind)];
}

Result<VerifyingKey> VerifyingKey::adopt(evp_pkey_st* key) {
  std::shared_ptr<evp_pkey_st> owned(key, EVP_PKEY_free);
  const auto kind = key != nullptr ? kind_of(key) : std::nullopt;
  if (!kind) {
    return fail("this kind of key is not known: RSA, ECDSA P-256, P-384, P-521 and Ed25519 are");
  }
  if (*kind == KeyKind::rsa && static_cast<std::size_t>(EVP_PKEY_get_bits(key)) < kMinRsaBits) {
    return fail("the RSA key has {} bits; make one of at least {}", EVP_PKEY_get_bits(key),
                kMinRsaBits);
  }
  return VerifyingKey(std::move(owned), *kind);
}

std::size_t VerifyingKey::bits() const {
  return static_cast<std::size_t>(EVP_PKEY_get_bits(key_.get()));
}

bool VerifyingKey::fits(const SignatureScheme& scheme) const {
  if (scheme.digest == Digest::sha1) {
    return false;
  }
  switch (scheme.family) {
    case SignatureFamily::rsa_pkcs1:
      return EVP_PKEY_is_a(key_.get(), "RSA") == 1;
    case SignatureFamily::rsa_pss:
      return kind_ == KeyKind::rsa;
    case SignatureFamily::ecdsa:
      return order_size(kind_) != 0;
    case SignatureFamily::ed25519:
      return kind_ == KeyKind::ed25519;
  }
  return false;
}

bool VerifyingKey::verify(const SignatureScheme& scheme, Pieces message, Bytes signature) const {
  if (!fits(scheme)) {
    return false;
  }
  const DigestContext context(EVP_MD_CTX_new());
  const std::vector<std::byte> whole = joined(message);
  EVP_PKEY_CTX* settings = nullptr;
  return context != nullptr &&
         EVP_DigestVerifyInit(context.get(), &settings, digest_for(scheme), nullptr, key_.get()) ==
             1 &&
         set_padding(settings, scheme) &&
         EVP_DigestVerify(context.get(), raw(signature.data()), signature.size(), raw(whole.data()),
                          whole.size()) == 1;
}

bool VerifyingKey::same_as(const VerifyingKey& other) const {
  return EVP_PKEY_eq(key_.get(), other.key_.get()) == 1;
}

Result<SigningKey> SigningKey::parse(Bytes file) {
  EVP_PKEY* key = nullptr;
  if (!file.empty()) {
    const Input input(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
    require(input != nullptr, "BIO_new_mem_buf");
    key = PEM_read_bio_PrivateKey(input.get(), nullptr, no_passphrase, nullptr);
    if (key == nullptr) {
      (void)BIO_reset(input.get());
      key = d2i_PrivateKey_bio(input.get(), nullptr);
    }
  }
  if (key == nullptr) {
    return fail(
        "this is no private key that can be read; give one as PEM without a passphrase (`openssl "
        "pkey -in KEY` takes a passphrase off)");
  }
  auto adopted = VerifyingKey::adopt(key);
  if (!adopted) {
    return tl::unexpected(adopted.error());
  }
  return SigningKey(std::move(*adopted));
}

std::optional<std::vector<std::byte>> SigningKey::sign(const SignatureScheme& scheme,
                                                       Pieces message) const {
  if (!fits(scheme)) {
    return std::nullopt;
  }
  const DigestContext context(EVP_MD_CTX_new());
  const std::vector<std::byte> whole = joined(message);
  EVP_PKEY_CTX* settings = nullptr;
  std::size_t size = 0;
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), &settings, digest_for(scheme), nullptr, key_.key_.get()) !=
          1 ||
      !set_padding(settings, scheme) ||
      EVP_DigestSign(context.get(), nullptr, &size, raw(whole.data()), whole.size()) != 1) {
    return std::nullopt;
  }
  std::vector<std::byte> signature(size);
  if (EVP_DigestSign(context.get(), raw(signature.data()), &size, raw(whole.data()),
                     whole.size()) != 1) {
    return std::nullopt;
  }
  signature.resize(size);
  return signature;
}

std::optional<std::vector<std::byte>> ecdsa_to_raw(KeyKind kind, Bytes der) {
  const unsigned char* at = raw(der.data());
  const EcdsaSignature signature(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));  // NOLINT: OpenSSL's type
  const std::size_t size = order_size(kind);
  std::vector<std::byte> result(2 * size);
  const auto put = [&](const BIGNUM* number, std::size_t place) {
    return BN_bn2binpad(number, raw(result.data() + place), static_cast<int>(size)) ==
           static_cast<int>(size);
  };
  if (signature == nullptr || size == 0 || !put(ECDSA_SIG_get0_r(signature.get()), 0) ||
      !put(ECDSA_SIG_get0_s(signature.get()), size)) {
    return std::nullopt;
  }
  return result;
}

std::optional<std::vector<std::byte>> ecdsa_from_raw(KeyKind kind, Bytes raw_signature) {
  const std::size_t size = order_size(kind);
  if (size == 0 || raw_signature.size() != 2 * size) {
    return std::nullopt;
  }
  const EcdsaSignature signature(ECDSA_SIG_new());
  const auto number = [&](std::size_t place) {
    return BN_bin2bn(raw(raw_signature.data() + place), static_cast<int>(size), nullptr);
  };
  require(signature != nullptr && ECDSA_SIG_set0(signature.get(), number(0), number(size)) == 1,
          "ECDSA_SIG_set0");
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(signature.get(), &der);
  require(length > 0, "i2d_ECDSA_SIG");
  const auto* bytes = reinterpret_cast<const std::byte*>(der);
  std::vector<std::byte> result(bytes, bytes + length);
  OPENSSL_free(der);
  return result;
}

}  // namespace gotthard::crypto
