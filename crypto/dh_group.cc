#include "crypto/dh_group.h"

#include <algorithm>

#include "crypto/dh_backends.h"

namespace gotthard::crypto {
namespace {

using Bytes = std::span<const std::byte>;

}  // namespace

std::size_t dh_public_size(DhGroup group) {
  switch (group) {
    case DhGroup::curve25519:
      return 32;
    case DhGroup::curve448:
      return 56;
    case DhGroup::ecp256:
      return 64;
    case DhGroup::ecp384:
      return 96;
    case DhGroup::ecp521:
      return 132;
    case DhGroup::modp2048:
      return 256;
    case DhGroup::modp3072:
      return 384;
    case DhGroup::modp4096:
      break;
  }
  return 512;
}

std::size_t dh_secret_size(DhGroup group) {
  const std::size_t size = dh_public_size(group);
  return groups::is_ecp(group) ? size / 2 : size;  // RFC 5903, section 7: the x coordinate
}

SecretBytes dh_private(DhGroup group, const RandomFill& random) {
  if (groups::is_ecp(group)) {
    return groups::ecp_private(group, random);
  }
  SecretBytes value(groups::is_modp(group) ? groups::modp_private_size(group)
                                           : dh_public_size(group));
  random(value.bytes());
  return value;
}

std::vector<std::byte> dh_public(DhGroup group, const SecretBytes& private_value) {
  if (groups::is_ecp(group)) {
    return groups::ecp_public(group, private_value);
  }
  if (groups::is_modp(group)) {
    return groups::modp_public(group, private_value);
  }
  return groups::curve_public(group, private_value);
}

std::optional<SecretBytes> dh_secret(DhGroup group, const SecretBytes& private_value,
                                     Bytes public_value) {
  if (public_value.size() != dh_public_size(group)) {
    return std::nullopt;
  }
  if (groups::is_ecp(group)) {
    return groups::ecp_secret(group, private_value, public_value);
  }
  if (groups::is_modp(group)) {
    return groups::modp_secret(group, private_value, public_value);
  }
  return groups::curve_secret(group, private_value, public_value);
}

}  // namespace gotthard::crypto
