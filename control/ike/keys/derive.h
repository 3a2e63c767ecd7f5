// Keys from secrets (RFC 7296, sections 2.14, 2.17 and 2.18). Written over lists of secrets:
// further key exchanges (RFC 9370) add to them.
#pragma once

#include <span>

#include "control/ike/message/header.h"
#include "control/ike/proposal/suite.h"
#include "crypto/message_cipher.h"
#include "crypto/secret_bytes.h"

namespace gotthard::ike {

struct Nonces {
  Bytes initiator;
  Bytes responder;
};

struct Spis {
  IkeSpi initiator = 0;
  IkeSpi responder = 0;
  bool operator==(const Spis&) const = default;
};

// Of an IKE SA. "Initiator" is the one of the exchange that made it.
struct IkeKeys {
  crypto::SecretBytes d;            // SK_d
  crypto::MessageKeys initiator;    // SK_ei, SK_ai
  crypto::MessageKeys responder;    // SK_er, SK_ar
  crypto::SecretBytes p_initiator;  // SK_pi
  crypto::SecretBytes p_responder;  // SK_pr
};

// SKEYSEED = prf(Ni | Nr, g^ir)
[[nodiscard]] crypto::SecretBytes skeyseed(PrfId prf, const Nonces& nonces,
                                           const crypto::SecretBytes& shared);

// SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr), by the old SA's PRF. Secrets of further
// exchanges come after the nonces (RFC 9370, section 2.2.4).
[[nodiscard]] crypto::SecretBytes skeyseed_of_rekey(PrfId old_prf, const crypto::SecretBytes& old_d,
                                                    const Nonces& nonces,
                                                    std::span<const crypto::SecretBytes> shared);

// {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr)
[[nodiscard]] IkeKeys derive_ike_keys(const IkeSuite& suite, const crypto::SecretBytes& skeyseed,
                                      const Nonces& nonces, const Spis& spis);

// Of one direction of a child SA.
struct EspKeys {
  crypto::SecretBytes encryption;  // the salt at its end
  crypto::SecretBytes integrity;
};
struct ChildKeys {
  EspKeys initiator;  // what the exchange's initiator seals with
  EspKeys responder;
};

// KEYMAT = prf+(SK_d, Ni | Nr), or prf+(SK_d, g^ir (new) | Ni | Nr) with an exchange of its own.
[[nodiscard]] ChildKeys derive_child_keys(PrfId prf, const crypto::SecretBytes& d,
                                          const EspSuite& suite, const Nonces& nonces,
                                          std::span<const crypto::SecretBytes> shared);

}  // namespace gotthard::ike
