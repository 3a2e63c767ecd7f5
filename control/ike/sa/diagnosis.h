// What became of an attempt: for logs and for `gotthard diagnose NAME`. The names are stable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/ike/sa/types.h"
#include "crypto/trust_store.h"

namespace gotthard::ike {

// How far it had come.
enum class Stage : std::uint8_t {
  start,           // before anything was sent
  init,            // IKE_SA_INIT
  authentication,  // IKE_AUTH
  child,           // of IKE_AUTH or CREATE_CHILD_SA
  established,
  rekey,  // of the IKE SA
};

enum class Cause : std::uint8_t {
  done,
  no_address,                // none of the peer's is known, or there is no way to it
  no_reply,                  // UDP 500 or 4500 probably blocked, or the peer is down
  invalid_message,           // what came makes no sense, or a critical payload is not known
  no_common_proposal,        // of the IKE SA; the text has ours and theirs
  no_common_child_proposal,  // of a child
  no_connection,             // none is for this address
  authentication_refused,    // the peer does not believe us: AUTHENTICATION_FAILED
  wrong_identity,            // the peer is not who it should be
  no_connection_for_identity,
  psk_mismatch,
  signature_wrong,
  method_not_accepted,  // it showed a key where a certificate was due, or the reverse
  certificate_missing,
  certificate_expired,
  certificate_not_yet_valid,
  certificate_revoked,
  certificate_bad,
  unknown_issuer,
  no_revocation_list,
  identity_not_in_certificate,
  cannot_sign,  // our key and the peer have no algorithm in common
  not_unique,   // unique = keep: another SA with these identities lives
  ts_unacceptable,
  no_additional_sas,
  child_not_found,
  busy,             // TEMPORARY_FAILURE
  refused,          // by another notify, which the text names
  no_spi,           // all are in use
  install_refused,  // by the data plane
  lifetime_over,
  closed_by_peer,
  closed_here,
  replaced,  // by another IKE SA or child
  too_many_half_open,
  fragments_too_many,  // a message does not fit
};

[[nodiscard]] std::string_view name(Stage stage);
[[nodiscard]] std::string_view name(Cause cause);
// What an operator can do about it; empty where nothing is wrong.
[[nodiscard]] std::string_view advice(Cause cause);
[[nodiscard]] Cause cause_of(crypto::ChainFailure failure);

struct Happened {
  std::string connection;  // empty: before it was known which
  std::string child;       // empty: the IKE SA itself
  Stage stage = Stage::start;
  Cause cause = Cause::done;
  std::string text;  // for people: names, dates, ours and theirs; may be empty
  Path path;
  Time at;
  std::uint64_t times = 1;  // within seconds; told once
};

}  // namespace gotthard::ike
