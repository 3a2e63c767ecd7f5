// All payloads of a message, or of the inside of its Encrypted payload, as values that refer to the
// message's bytes.
#pragma once

#include <optional>
#include <tl/expected.hpp>
#include <vector>

#include "control/ike/message/chain.h"
#include "control/ike/message/identity_payloads.h"
#include "control/ike/message/key_payloads.h"
#include "control/ike/message/notify_payload.h"
#include "control/ike/message/sa_payload.h"
#include "control/ike/message/ts_payload.h"

namespace gotthard::ike {

struct Payloads {
  std::optional<SecurityAssociation> sa;
  std::optional<KeyExchange> ke;
  std::optional<Bytes> nonce;
  std::optional<Identification> id_initiator;
  std::optional<Identification> id_responder;
  std::vector<Certificate> certificates;  // the sender's own first
  std::vector<CertificateRequest> certificate_requests;
  std::optional<Authentication> auth;
  std::vector<Notify> notifies;
  std::vector<Delete> deletes;
  std::vector<Bytes> vendor_ids;
  std::optional<TrafficSelectors> ts_initiator;
  std::optional<TrafficSelectors> ts_responder;
  bool eap = false;            // not spoken: whoever sends it cannot be authenticated
  bool configuration = false;  // no addresses are given or taken: the payload is passed over
  std::optional<RawPayload> encrypted;

  // The first of this type.
  [[nodiscard]] const Notify* find(NotifyType type) const;
  [[nodiscard]] bool has(NotifyType type) const { return find(type) != nullptr; }
  // The first error among the notifies.
  [[nodiscard]] const Notify* error() const;
};

// Why a message is not understood, as the notify that says so.
struct NotUnderstood {
  NotifyType notify = NotifyType::invalid_syntax;
  PayloadType payload = PayloadType::none;  // the critical one that is not known
};

// Unknown payloads are passed over unless they are critical (section 2.5). One of a kind where the
// exchanges have one: a second one is no syntax.
[[nodiscard]] tl::expected<Payloads, NotUnderstood> parse_payloads(PayloadType first, Bytes chain);

}  // namespace gotthard::ike
