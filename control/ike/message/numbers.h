// The numbers of IANA's registry "Internet Key Exchange Version 2 (IKEv2) Parameters" that are used
// here. A message may carry any others: enums hold what was received, known or not.
#pragma once

#include <cstdint>

namespace gotthard::ike {

enum class ExchangeType : std::uint8_t {
  ike_sa_init = 34,
  ike_auth = 35,
  create_child_sa = 36,
  informational = 37,
};

enum class PayloadType : std::uint8_t {
  none = 0,
  security_association = 33,
  key_exchange = 34,
  id_initiator = 35,
  id_responder = 36,
  certificate = 37,
  certificate_request = 38,
  authentication = 39,
  nonce = 40,
  notify = 41,
  delete_sa = 42,
  vendor_id = 43,
  ts_initiator = 44,
  ts_responder = 45,
  encrypted = 46,
  configuration = 47,
  eap = 48,
  encrypted_fragment = 53,  // RFC 7383
};

enum class Protocol : std::uint8_t { none = 0, ike = 1, ah = 2, esp = 3 };

enum class TransformType : std::uint8_t {
  encryption = 1,
  prf = 2,
  integrity = 3,
  key_exchange = 4,
  extended_sequence_numbers = 5,
};

enum class EncryptionId : std::uint16_t {
  aes_cbc = 12,
  aes_gcm_16 = 20,
  aes_gmac = 21,
  chacha20_poly1305 = 28,
};

enum class PrfId : std::uint16_t {
  hmac_sha2_256 = 5,
  hmac_sha2_384 = 6,
  hmac_sha2_512 = 7,
};

enum class IntegrityId : std::uint16_t {
  none = 0,
  hmac_sha2_256_128 = 12,
  hmac_sha2_384_192 = 13,
  hmac_sha2_512_256 = 14,
};

enum class GroupId : std::uint16_t {
  none = 0,
  modp2048 = 14,
  modp3072 = 15,
  modp4096 = 16,
  ecp256 = 19,
  ecp384 = 20,
  ecp521 = 21,
  curve25519 = 31,
  curve448 = 32,
};

enum class EsnId : std::uint16_t { no = 0, yes = 1 };

// Identification types; the name of an ASN.1 distinguished name is its DER.
enum class IdType : std::uint8_t {
  ipv4_address = 1,
  fqdn = 2,
  email = 3,
  ipv6_address = 5,
  distinguished_name = 9,
  key_id = 11,
};

enum class CertificateEncoding : std::uint8_t { x509_signature = 4 };

enum class AuthMethod : std::uint8_t {
  rsa_signature = 1,  // PKCS#1 v1.5 with SHA-1 unless told otherwise: refused
  shared_key_mic = 2,
  ecdsa_256 = 9,  // RFC 4754
  ecdsa_384 = 10,
  ecdsa_521 = 11,
  digital_signature = 14,  // RFC 7427
};

enum class TsType : std::uint8_t { ipv4_range = 7, ipv6_range = 8 };

// Below 16384: errors. From there on: status.
enum class NotifyType : std::uint16_t {
  unsupported_critical_payload = 1,
  invalid_ike_spi = 4,
  invalid_major_version = 5,
  invalid_syntax = 7,
  invalid_message_id = 9,
  invalid_spi = 11,
  no_proposal_chosen = 14,
  invalid_ke_payload = 17,
  authentication_failed = 24,
  single_pair_required = 34,
  no_additional_sas = 35,
  internal_address_failure = 36,
  failed_cp_required = 37,
  ts_unacceptable = 38,
  invalid_selectors = 39,
  temporary_failure = 43,
  child_sa_not_found = 44,
  initial_contact = 16384,
  set_window_size = 16385,
  additional_ts_possible = 16386,
  nat_detection_source_ip = 16388,
  nat_detection_destination_ip = 16389,
  cookie = 16390,
  use_transport_mode = 16391,
  rekey_sa = 16393,
  esp_tfc_padding_not_supported = 16394,
  auth_lifetime = 16403,              // RFC 4478
  childless_ikev2_supported = 16418,  // RFC 6023
  fragmentation_supported = 16430,    // RFC 7383
  signature_hash_algorithms = 16431,  // RFC 7427
};

[[nodiscard]] constexpr bool is_error(NotifyType type) {
  return static_cast<std::uint16_t>(type) < 16384;
}

// RFC 7427, section 7: what SIGNATURE_HASH_ALGORITHMS lists. `identity` is RFC 8420's, for Ed25519.
enum class HashAlgorithm : std::uint16_t {
  sha1 = 1,
  sha2_256 = 2,
  sha2_384 = 3,
  sha2_512 = 4,
  identity = 5,
};

}  // namespace gotthard::ike
