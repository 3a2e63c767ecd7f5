// The groups of RFC 5903 on OpenSSL's curves: a public value is x | y, a secret is x.
#include <openssl/obj_mac.h>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/dh_backends.h"
#include "crypto/openssl.h"

namespace gotthard::crypto::groups {
namespace {

// Made at first use and only read afterwards.
const EC_GROUP* curve_of(DhGroup group) {
  static const Group p256(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  static const Group p384(EC_GROUP_new_by_curve_name(NID_secp384r1));
  static const Group p521(EC_GROUP_new_by_curve_name(NID_secp521r1));
  switch (group) {
    case DhGroup::ecp256:
      return p256.get();
    case DhGroup::ecp384:
      return p384.get();
    default:
      return p521.get();
  }
}

Number number_of(std::span<const std::byte> bytes) {
  Number number(BN_secure_new());
  require(number != nullptr &&
              BN_bin2bn(raw(bytes.data()), static_cast<int>(bytes.size()), number.get()) != nullptr,
          "BN_bin2bn");
  return number;
}

void put(const BIGNUM* number, std::span<std::byte> out) {
  require(BN_bn2binpad(number, raw(out.data()), static_cast<int>(out.size())) ==
              static_cast<int>(out.size()),
          "BN_bn2binpad");
}

bool coordinates(const EC_GROUP* curve, const EC_POINT* point, BIGNUM* x, BIGNUM* y,
                 BN_CTX* context) {
  return EC_POINT_get_affine_coordinates(curve, point, x, y, context) == 1;
}

}  // namespace

// Uniform in 1 to the order less one: what is beyond is drawn again.
SecretBytes ecp_private(DhGroup group, const RandomFill& random) {
  const BIGNUM* order = EC_GROUP_get0_order(curve_of(group));
  SecretBytes value(dh_secret_size(group));
  const int spare_bits = static_cast<int>(8 * value.size()) - BN_num_bits(order);
  for (;;) {
    random(value.bytes());
    value.bytes()[0] &= static_cast<std::byte>(0xff >> spare_bits);
    const Number number = number_of(value.bytes());
    if (!BN_is_zero(number.get()) && BN_cmp(number.get(), order) < 0) {
      return value;
    }
  }
}

std::vector<std::byte> ecp_public(DhGroup group, const SecretBytes& private_value) {
  const EC_GROUP* curve = curve_of(group);
  const NumberContext context(BN_CTX_secure_new());
  const Point point(EC_POINT_new(curve));
  const Number x(BN_new());
  const Number y(BN_new());
  const Number scalar = number_of(private_value.bytes());
  require(
      context != nullptr && point != nullptr && x != nullptr && y != nullptr &&
          EC_POINT_mul(curve, point.get(), scalar.get(), nullptr, nullptr, context.get()) == 1 &&
          coordinates(curve, point.get(), x.get(), y.get(), context.get()),
      "EC_POINT_mul");
  std::vector<std::byte> result(dh_public_size(group));
  const auto halves = std::span(result);
  put(x.get(), halves.first(result.size() / 2));
  put(y.get(), halves.last(result.size() / 2));
  return result;
}

std::optional<SecretBytes> ecp_secret(DhGroup group, const SecretBytes& private_value,
                                      std::span<const std::byte> public_value) {
  const EC_GROUP* curve = curve_of(group);
  const NumberContext context(BN_CTX_secure_new());
  const Point peer(EC_POINT_new(curve));
  const Point shared(EC_POINT_new(curve));
  const Number x = number_of(public_value.first(public_value.size() / 2));
  const Number y = number_of(public_value.last(public_value.size() / 2));
  const Number scalar = number_of(private_value.bytes());
  require(context != nullptr && peer != nullptr && shared != nullptr, "EC_POINT_new");
  // RFC 6989, section 2.3: a point of the curve, whose coordinates are not taken modulo the field's
  // prime. The cofactor is 1, so there is no small subgroup.
  const BIGNUM* field = EC_GROUP_get0_field(curve);
  if (BN_cmp(x.get(), field) >= 0 || BN_cmp(y.get(), field) >= 0 ||
      EC_POINT_set_affine_coordinates(curve, peer.get(), x.get(), y.get(), context.get()) != 1) {
    return std::nullopt;
  }
  const Number secret(BN_secure_new());
  if (EC_POINT_mul(curve, shared.get(), nullptr, peer.get(), scalar.get(), context.get()) != 1 ||
      !coordinates(curve, shared.get(), secret.get(), nullptr, context.get())) {
    return std::nullopt;
  }
  SecretBytes result(dh_secret_size(group));
  put(secret.get(), result.bytes());
  return result;
}

}  // namespace gotthard::crypto::groups
