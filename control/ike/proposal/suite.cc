#include "control/ike/proposal/suite.h"

#include <algorithm>

namespace gotthard::ike {
namespace {

const Transform* find(const Proposal& proposal, TransformType type) {
  const auto found = std::ranges::find(proposal.transforms, type, &Transform::type);
  return found == proposal.transforms.end() ? nullptr : &*found;
}

struct Cipher {
  EncryptionId encryption;
  std::uint16_t key_bits;
  IntegrityId integrity;
};

std::optional<Cipher> cipher_of(const Proposal& chosen) {
  const Transform* encryption = find(chosen, TransformType::encryption);
  const Transform* integrity = find(chosen, TransformType::integrity);
  if (encryption == nullptr) {
    return std::nullopt;
  }
  Cipher cipher{static_cast<EncryptionId>(encryption->id), encryption->key_length.value_or(256),
                integrity != nullptr ? static_cast<IntegrityId>(integrity->id) : IntegrityId::none};
  const bool checked = digest_of(cipher.integrity).has_value();
  const bool key_fits =
      cipher.encryption == EncryptionId::chacha20_poly1305
          ? !encryption->key_length
          : encryption->key_length &&
                (cipher.key_bits == 128 || cipher.key_bits == 192 || cipher.key_bits == 256);
  if (is_aead(cipher.encryption) == checked || !key_fits ||
      (!checked && cipher.integrity != IntegrityId::none)) {
    return std::nullopt;
  }
  return cipher;
}

bool is_known(EncryptionId id) { return is_aead(id) || id == EncryptionId::aes_cbc; }

}  // namespace

std::size_t EspSuite::encryption_key_size() const {
  return key_bits / 8U + (is_aead(encryption) ? 4 : 0);
}

std::size_t EspSuite::integrity_key_size() const {
  const auto digest = digest_of(integrity);
  return digest ? crypto::digest_size(*digest) : 0;
}

bool is_aead(EncryptionId id) {
  return id == EncryptionId::aes_gcm_16 || id == EncryptionId::chacha20_poly1305 ||
         id == EncryptionId::aes_gmac;
}

std::optional<crypto::Digest> prf_of(PrfId id) {
  switch (id) {
    case PrfId::hmac_sha2_256:
      return crypto::Digest::sha256;
    case PrfId::hmac_sha2_384:
      return crypto::Digest::sha384;
    case PrfId::hmac_sha2_512:
      return crypto::Digest::sha512;
  }
  return std::nullopt;
}

std::optional<crypto::Digest> digest_of(IntegrityId id) {
  switch (id) {
    case IntegrityId::hmac_sha2_256_128:
      return crypto::Digest::sha256;
    case IntegrityId::hmac_sha2_384_192:
      return crypto::Digest::sha384;
    case IntegrityId::hmac_sha2_512_256:
      return crypto::Digest::sha512;
    case IntegrityId::none:
      break;
  }
  return std::nullopt;
}

std::optional<crypto::DhGroup> dh_group_of(GroupId id) {
  switch (id) {
    case GroupId::modp2048:
      return crypto::DhGroup::modp2048;
    case GroupId::modp3072:
      return crypto::DhGroup::modp3072;
    case GroupId::modp4096:
      return crypto::DhGroup::modp4096;
    case GroupId::ecp256:
      return crypto::DhGroup::ecp256;
    case GroupId::ecp384:
      return crypto::DhGroup::ecp384;
    case GroupId::ecp521:
      return crypto::DhGroup::ecp521;
    case GroupId::curve25519:
      return crypto::DhGroup::curve25519;
    case GroupId::curve448:
      return crypto::DhGroup::curve448;
    case GroupId::none:
      break;
  }
  return std::nullopt;
}

std::optional<IkeSuite> ike_suite(const Proposal& chosen) {
  const auto cipher = cipher_of(chosen);
  const Transform* prf = find(chosen, TransformType::prf);
  const Transform* group = find(chosen, TransformType::key_exchange);
  if (!cipher || cipher->encryption == EncryptionId::aes_gmac || !is_known(cipher->encryption) ||
      prf == nullptr || group == nullptr) {
    return std::nullopt;
  }
  const IkeSuite suite{cipher->encryption, cipher->key_bits, cipher->integrity,
                       static_cast<PrfId>(prf->id), static_cast<GroupId>(group->id)};
  return prf_of(suite.prf) && dh_group_of(suite.group) ? std::optional(suite) : std::nullopt;
}

std::optional<EspSuite> esp_suite(const Proposal& chosen) {
  const auto cipher = cipher_of(chosen);
  const Transform* group = find(chosen, TransformType::key_exchange);
  const Transform* esn = find(chosen, TransformType::extended_sequence_numbers);
  if (!cipher || !is_known(cipher->encryption)) {
    return std::nullopt;
  }
  const EspSuite suite{cipher->encryption, cipher->key_bits, cipher->integrity,
                       group != nullptr ? static_cast<GroupId>(group->id) : GroupId::none,
                       esn != nullptr && static_cast<EsnId>(esn->id) == EsnId::yes};
  return suite.group == GroupId::none || dh_group_of(suite.group) ? std::optional(suite)
                                                                  : std::nullopt;
}

crypto::MessageSuite message_suite(const IkeSuite& suite) {
  crypto::MessageSuite result{.key_size = suite.key_bits / 8U};
  switch (suite.encryption) {
    case EncryptionId::chacha20_poly1305:
      result.algorithm = crypto::MessageAlgorithm::chacha20_poly1305;
      break;
    case EncryptionId::aes_cbc:
      result.algorithm = crypto::MessageAlgorithm::aes_cbc;
      result.integrity = digest_of(suite.integrity).value_or(crypto::Digest::sha256);
      break;
    case EncryptionId::aes_gcm_16:
    case EncryptionId::aes_gmac:
      result.algorithm = crypto::MessageAlgorithm::aes_gcm_16;
      break;
  }
  return result;
}

}  // namespace gotthard::ike
