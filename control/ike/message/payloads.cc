#include "control/ike/message/payloads.h"

#include <algorithm>

namespace gotthard::ike {
namespace {

// False: no syntax.
template <typename T>
bool set(std::optional<T>& place, std::optional<T> parsed) {
  if (place || !parsed) {
    return false;
  }
  place = std::move(parsed);
  return true;
}

template <typename T>
bool append(std::vector<T>& list, std::optional<T> parsed) {
  if (!parsed) {
    return false;
  }
  list.push_back(std::move(*parsed));
  return true;
}

bool take(const RawPayload& raw, Payloads& payloads, bool& known) {
  switch (raw.type) {
    case PayloadType::security_association:
      return set(payloads.sa, parse_security_association(raw.body));
    case PayloadType::key_exchange:
      return set(payloads.ke, parse_key_exchange(raw.body));
    case PayloadType::id_initiator:
      return set(payloads.id_initiator, parse_identification(raw.body));
    case PayloadType::id_responder:
      return set(payloads.id_responder, parse_identification(raw.body));
    case PayloadType::certificate:
      return append(payloads.certificates, parse_certificate(raw.body));
    case PayloadType::certificate_request:
      return append(payloads.certificate_requests, parse_certificate_request(raw.body));
    case PayloadType::authentication:
      return set(payloads.auth, parse_authentication(raw.body));
    case PayloadType::nonce:
      return set(payloads.nonce, parse_nonce(raw.body));
    case PayloadType::notify:
      return append(payloads.notifies, parse_notify(raw.body));
    case PayloadType::delete_sa:
      return append(payloads.deletes, parse_delete(raw.body));
    case PayloadType::vendor_id:
      payloads.vendor_ids.push_back(raw.body);
      return true;
    case PayloadType::ts_initiator:
      return set(payloads.ts_initiator, parse_traffic_selectors(raw.body));
    case PayloadType::ts_responder:
      return set(payloads.ts_responder, parse_traffic_selectors(raw.body));
    case PayloadType::encrypted:
    case PayloadType::encrypted_fragment:
      return set(payloads.encrypted, std::optional(raw));
    case PayloadType::configuration:
      payloads.configuration = true;
      return true;
    case PayloadType::eap:
      payloads.eap = true;
      return true;
    case PayloadType::none:
      break;
  }
  known = false;
  return true;
}

}  // namespace

const Notify* Payloads::find(NotifyType type) const {
  const auto found = std::ranges::find(notifies, type, &Notify::type);
  return found == notifies.end() ? nullptr : &*found;
}

const Notify* Payloads::error() const {
  const auto found =
      std::ranges::find_if(notifies, [](const Notify& notify) { return is_error(notify.type); });
  return found == notifies.end() ? nullptr : &*found;
}

tl::expected<Payloads, NotUnderstood> parse_payloads(PayloadType first, Bytes chain) {
  const auto raw = parse_chain(first, chain);
  if (!raw) {
    return tl::unexpected(NotUnderstood{});
  }
  Payloads payloads;
  for (const RawPayload& payload : *raw) {
    bool known = true;
    if (!take(payload, payloads, known)) {
      return tl::unexpected(NotUnderstood{});
    }
    if (!known && payload.critical) {
      return tl::unexpected(NotUnderstood{NotifyType::unsupported_critical_payload, payload.type});
    }
  }
  return payloads;
}

}  // namespace gotthard::ike
