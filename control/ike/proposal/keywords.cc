#include "control/ike/proposal/keywords.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gotthard::ike {
namespace {

template <typename Id>
constexpr Keyword word(std::string_view text, TransformType type, Id id, std::uint16_t key_bits = 0,
                       Standing standing = Standing::good) {
  return {text, standing, type, static_cast<std::uint16_t>(id), key_bits};
}

constexpr Keyword refused(std::string_view text, Standing standing) {
  return {.word = text, .standing = standing};
}

constexpr auto kEncryption = TransformType::encryption;
constexpr auto kIntegrity = TransformType::integrity;
constexpr auto kGroup = TransformType::key_exchange;

// Of two words for the same transform the first is the one that is written.
constexpr auto kKeywords = std::to_array<Keyword>({
    word("aes128gcm16", kEncryption, EncryptionId::aes_gcm_16, 128),
    word("aes192gcm16", kEncryption, EncryptionId::aes_gcm_16, 192),
    word("aes256gcm16", kEncryption, EncryptionId::aes_gcm_16, 256),
    word("aes128gcm128", kEncryption, EncryptionId::aes_gcm_16, 128),
    word("aes192gcm128", kEncryption, EncryptionId::aes_gcm_16, 192),
    word("aes256gcm128", kEncryption, EncryptionId::aes_gcm_16, 256),
    word("chacha20poly1305", kEncryption, EncryptionId::chacha20_poly1305),
    word("aes128gmac", kEncryption, EncryptionId::aes_gmac, 128),
    word("aes192gmac", kEncryption, EncryptionId::aes_gmac, 192),
    word("aes256gmac", kEncryption, EncryptionId::aes_gmac, 256),
    word("aes128", kEncryption, EncryptionId::aes_cbc, 128, Standing::legacy),
    word("aes192", kEncryption, EncryptionId::aes_cbc, 192, Standing::legacy),
    word("aes256", kEncryption, EncryptionId::aes_cbc, 256, Standing::legacy),
    word("aes", kEncryption, EncryptionId::aes_cbc, 128, Standing::legacy),
    word("sha256", kIntegrity, IntegrityId::hmac_sha2_256_128),
    word("sha384", kIntegrity, IntegrityId::hmac_sha2_384_192),
    word("sha512", kIntegrity, IntegrityId::hmac_sha2_512_256),
    word("sha2_256", kIntegrity, IntegrityId::hmac_sha2_256_128),
    word("sha2_384", kIntegrity, IntegrityId::hmac_sha2_384_192),
    word("sha2_512", kIntegrity, IntegrityId::hmac_sha2_512_256),
    word("prfsha256", TransformType::prf, PrfId::hmac_sha2_256),
    word("prfsha384", TransformType::prf, PrfId::hmac_sha2_384),
    word("prfsha512", TransformType::prf, PrfId::hmac_sha2_512),
    word("modp2048", kGroup, GroupId::modp2048),
    word("modp3072", kGroup, GroupId::modp3072),
    word("modp4096", kGroup, GroupId::modp4096),
    word("ecp256", kGroup, GroupId::ecp256),
    word("ecp384", kGroup, GroupId::ecp384),
    word("ecp521", kGroup, GroupId::ecp521),
    word("x25519", kGroup, GroupId::curve25519),
    word("x448", kGroup, GroupId::curve448),
    word("curve25519", kGroup, GroupId::curve25519),
    word("curve448", kGroup, GroupId::curve448),
    word("modpnone", kGroup, GroupId::none),
    word("esn", TransformType::extended_sequence_numbers, EsnId::yes),
    word("noesn", TransformType::extended_sequence_numbers, EsnId::no),
    refused("des", Standing::weak),
    refused("3des", Standing::weak),
    refused("blowfish", Standing::weak),
    refused("cast128", Standing::weak),
    refused("null", Standing::weak),
    refused("md5", Standing::weak),
    refused("md5_128", Standing::weak),
    refused("sha", Standing::weak),
    refused("sha1", Standing::weak),
    refused("sha1_160", Standing::weak),
    refused("prfmd5", Standing::weak),
    refused("prfsha1", Standing::weak),
    refused("modp768", Standing::weak),
    refused("modp1024", Standing::weak),
    refused("modp1024s160", Standing::weak),
    refused("modp1536", Standing::weak),
    refused("modp2048s224", Standing::weak),
    refused("modp2048s256", Standing::weak),
    refused("ecp192", Standing::weak),
    refused("ecp224", Standing::weak),
    refused("aes128gcm8", Standing::weak),
    refused("aes192gcm8", Standing::weak),
    refused("aes256gcm8", Standing::weak),
    refused("aes128gcm64", Standing::weak),
    refused("aes192gcm64", Standing::weak),
    refused("aes256gcm64", Standing::weak),
    refused("aes128gcm12", Standing::unsupported),
    refused("aes192gcm12", Standing::unsupported),
    refused("aes256gcm12", Standing::unsupported),
    refused("aes128ctr", Standing::unsupported),
    refused("aes192ctr", Standing::unsupported),
    refused("aes256ctr", Standing::unsupported),
    refused("aes128ccm16", Standing::unsupported),
    refused("aes256ccm16", Standing::unsupported),
    refused("camellia128", Standing::unsupported),
    refused("camellia256", Standing::unsupported),
    refused("aesxcbc", Standing::unsupported),
    refused("aescmac", Standing::unsupported),
    refused("prfaesxcbc", Standing::unsupported),
    refused("prfaescmac", Standing::unsupported),
    refused("modp6144", Standing::unsupported),
    refused("modp8192", Standing::unsupported),
    refused("ecp256bp", Standing::unsupported),
    refused("ecp384bp", Standing::unsupported),
    refused("ecp512bp", Standing::unsupported),
});

std::string_view name_of(TransformType type) {
  switch (type) {
    case TransformType::encryption:
      return "encryption";
    case TransformType::prf:
      return "prf";
    case TransformType::integrity:
      return "integrity";
    case TransformType::key_exchange:
      return "group";
    case TransformType::extended_sequence_numbers:
      return "esn";
  }
  return "transform";
}

}  // namespace

const Keyword* find_keyword(std::string_view word) {
  const auto found = std::ranges::find(kKeywords, word, &Keyword::word);
  return found == kKeywords.end() ? nullptr : &*found;
}

std::string word_for(const Transform& transform) {
  const std::uint16_t key_bits = transform.key_length.value_or(0);
  const auto found = std::ranges::find_if(kKeywords, [&](const Keyword& keyword) {
    return keyword.standing <= Standing::legacy && keyword.type == transform.type &&
           keyword.id == transform.id && keyword.key_bits == key_bits;
  });
  if (found != kKeywords.end()) {
    return std::string(found->word);
  }
  std::string text = fmt::format("{}-{}", name_of(transform.type), transform.id);
  if (name_of(transform.type) == "transform") {
    text = fmt::format("transform-{}-{}", static_cast<int>(transform.type), transform.id);
  }
  return key_bits == 0 ? text : fmt::format("{}-{}", text, key_bits);
}

}  // namespace gotthard::ike
