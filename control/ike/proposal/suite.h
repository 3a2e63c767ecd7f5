// What a negotiation ends with, and which of crypto/ does it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "control/ike/message/numbers.h"
#include "control/ike/message/sa_payload.h"
#include "crypto/dh_group.h"
#include "crypto/message_cipher.h"

namespace gotthard::ike {

struct IkeSuite {
  EncryptionId encryption = EncryptionId::aes_gcm_16;
  std::uint16_t key_bits = 256;
  IntegrityId integrity = IntegrityId::none;  // none with an AEAD
  PrfId prf = PrfId::hmac_sha2_256;
  GroupId group = GroupId::curve25519;
  bool operator==(const IkeSuite&) const = default;
};

struct EspSuite {
  EncryptionId encryption = EncryptionId::aes_gcm_16;
  std::uint16_t key_bits = 256;
  IntegrityId integrity = IntegrityId::none;  // none with an AEAD and with GMAC
  GroupId group = GroupId::none;              // of the exchange of its own that made its keys
  bool esn = false;
  bool operator==(const EspSuite&) const = default;

  // Bytes of a direction's keys; an AEAD's and GMAC's key has its salt of four bytes at its end.
  [[nodiscard]] std::size_t encryption_key_size() const;
  [[nodiscard]] std::size_t integrity_key_size() const;
};

// Has a checksum of its own: no integrity transform goes with it.
[[nodiscard]] bool is_aead(EncryptionId id);

// Nothing when the numbers are none of ours.
[[nodiscard]] std::optional<crypto::Digest> prf_of(PrfId id);
[[nodiscard]] std::optional<crypto::Digest> digest_of(IntegrityId id);
[[nodiscard]] std::optional<crypto::DhGroup> dh_group_of(GroupId id);

// Of what was chosen: one transform of each type. Nothing when they do not go together.
[[nodiscard]] std::optional<IkeSuite> ike_suite(const Proposal& chosen);
[[nodiscard]] std::optional<EspSuite> esp_suite(const Proposal& chosen);

[[nodiscard]] crypto::MessageSuite message_suite(const IkeSuite& suite);

}  // namespace gotthard::ike
