// The three kinds of groups behind crypto/dh_group.h, which checks lengths. For crypto/ alone.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "crypto/dh_group.h"

namespace gotthard::crypto::groups {

[[nodiscard]] constexpr bool is_ecp(DhGroup group) {
  return group == DhGroup::ecp256 || group == DhGroup::ecp384 || group == DhGroup::ecp521;
}
[[nodiscard]] constexpr bool is_modp(DhGroup group) {
  return group == DhGroup::modp2048 || group == DhGroup::modp3072 || group == DhGroup::modp4096;
}

[[nodiscard]] std::vector<std::byte> curve_public(DhGroup group, const SecretBytes& private_value);
[[nodiscard]] std::optional<SecretBytes> curve_secret(DhGroup group,
                                                      const SecretBytes& private_value,
                                                      std::span<const std::byte> public_value);

[[nodiscard]] SecretBytes ecp_private(DhGroup group, const RandomFill& random);
[[nodiscard]] std::vector<std::byte> ecp_public(DhGroup group, const SecretBytes& private_value);
[[nodiscard]] std::optional<SecretBytes> ecp_secret(DhGroup group, const SecretBytes& private_value,
                                                    std::span<const std::byte> public_value);

// Exponents twice as long as the group's strength (RFC 3526, section 8).
[[nodiscard]] std::size_t modp_private_size(DhGroup group);
[[nodiscard]] std::vector<std::byte> modp_public(DhGroup group, const SecretBytes& private_value);
[[nodiscard]] std::optional<SecretBytes> modp_secret(DhGroup group,
                                                     const SecretBytes& private_value,
                                                     std::span<const std::byte> public_value);

}  // namespace gotthard::crypto::groups
