// The groups of RFC 3526: safe primes, generator 2. Secrets keep their leading zeros (RFC 7296,
// section 2.14).
#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/dh_backends.h"
#include "crypto/openssl.h"

namespace gotthard::crypto::groups {
namespace {

struct Modulus {
  Number prime;
  std::unique_ptr<BN_MONT_CTX, Freed<BN_MONT_CTX_free>> montgomery;
};

Modulus make(BIGNUM* (*prime)(BIGNUM*)) {
  Modulus modulus{Number(prime(nullptr)), nullptr};
  modulus.montgomery.reset(BN_MONT_CTX_new());
  const NumberContext context(BN_CTX_new());
  require(modulus.prime != nullptr && modulus.montgomery != nullptr && context != nullptr &&
              BN_MONT_CTX_set(modulus.montgomery.get(), modulus.prime.get(), context.get()) == 1,
          "BN_MONT_CTX_set");
  return modulus;
}

const Modulus& modulus_of(DhGroup group) {
  static const Modulus modp2048 = make(BN_get_rfc3526_prime_2048);
  static const Modulus modp3072 = make(BN_get_rfc3526_prime_3072);
  static const Modulus modp4096 = make(BN_get_rfc3526_prime_4096);
  switch (group) {
    case DhGroup::modp2048:
      return modp2048;
    case DhGroup::modp3072:
      return modp3072;
    default:
      return modp4096;
  }
}

Number secret_number(std::span<const std::byte> bytes) {
  Number number(BN_secure_new());
  require(number != nullptr &&
              BN_bin2bn(raw(bytes.data()), static_cast<int>(bytes.size()), number.get()) != nullptr,
          "BN_bin2bn");
  BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  return number;
}

void power(const Modulus& modulus, const BIGNUM* base, const SecretBytes& exponent,
           std::span<std::byte> out) {
  const NumberContext context(BN_CTX_secure_new());
  const Number result(BN_secure_new());
  const Number secret = secret_number(exponent.bytes());
  require(context != nullptr && result != nullptr &&
              BN_mod_exp_mont_consttime(result.get(), base, secret.get(), modulus.prime.get(),
                                        context.get(), modulus.montgomery.get()) == 1 &&
              BN_bn2binpad(result.get(), raw(out.data()), static_cast<int>(out.size())) ==
                  static_cast<int>(out.size()),
          "BN_mod_exp_mont_consttime");
}

}  // namespace

std::size_t modp_private_size(DhGroup group) {
  switch (group) {
    case DhGroup::modp2048:
      return 40;
    case DhGroup::modp3072:
      return 52;
    default:
      return 60;
  }
}

std::vector<std::byte> modp_public(DhGroup group, const SecretBytes& private_value) {
  const Number generator(BN_new());
  require(generator != nullptr && BN_set_word(generator.get(), 2) == 1, "BN_set_word");
  std::vector<std::byte> result(dh_public_size(group));
  power(modulus_of(group), generator.get(), private_value, result);
  return result;
}

// RFC 6989, section 2.1: between 2 and the prime less two.
std::optional<SecretBytes> modp_secret(DhGroup group, const SecretBytes& private_value,
                                       std::span<const std::byte> public_value) {
  const Modulus& modulus = modulus_of(group);
  const Number peer(
      BN_bin2bn(raw(public_value.data()), static_cast<int>(public_value.size()), nullptr));
  const Number limit(BN_dup(modulus.prime.get()));
  require(peer != nullptr && limit != nullptr && BN_sub_word(limit.get(), 1) == 1, "BN_sub_word");
  if (BN_is_zero(peer.get()) || BN_is_one(peer.get()) || BN_cmp(peer.get(), limit.get()) >= 0) {
    return std::nullopt;
  }
  SecretBytes result(dh_secret_size(group));
  power(modulus, peer.get(), private_value, result.bytes());
  return result;
}

}  // namespace gotthard::crypto::groups
