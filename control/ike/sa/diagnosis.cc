#include "control/ike/sa/diagnosis.h"

#include <array>

namespace gotthard::ike {
namespace {

struct Words {
  std::string_view name;
  std::string_view advice;
};

// In the order of Cause.
constexpr std::array kWords = {
    Words{"done", ""},
    Words{"no_address", "look at the peer's address, its name and the routes to it"},
    Words{"no_reply", "the peer is down, or UDP 500 or 4500 is blocked on the way"},
    Words{"invalid_message", "the peer speaks another version, or something alters packets"},
    Words{"no_common_proposal", "give both sides one of the same `proposals`"},
    Words{"no_common_child_proposal", "give both sides one of the same `esp_proposals`"},
    Words{"no_connection", "add a connection for this address, or remote address = \"any\""},
    Words{"authentication_refused", "the peer's log says why: id, key or certificate of ours"},
    Words{"wrong_identity", "make `remote.id` here what the peer has as `local.id`"},
    Words{"no_connection_for_identity", "make `remote.id` here what the peer has as `local.id`"},
    Words{"psk_mismatch", "give both sides the same pre-shared key"},
    Words{"signature_wrong", "the peer's certificate does not belong to its key"},
    Words{"method_not_accepted", "make `remote.auth` here what the peer has as `local.auth`"},
    Words{"certificate_missing", "let the peer send its certificate, or name it in `ca_files`"},
    Words{"certificate_expired", "give the peer a new certificate"},
    Words{"certificate_not_yet_valid", "look at the clocks of both sides"},
    Words{"certificate_revoked", "give the peer a new certificate"},
    Words{"certificate_bad", "the peer needs a certificate with a strong key and digest"},
    Words{"unknown_issuer", "name the authority of the peer's certificate in `ca_files`"},
    Words{"no_revocation_list", "fetch the authority's list anew, or set revocation = \"relaxed\""},
    Words{"identity_not_in_certificate", "the certificate's alternative names must have `id`"},
    Words{"cannot_sign", "take another key, or let the peer do RFC 7427"},
    Words{"not_unique", "end the other SA first, or set unique = \"replace\""},
    Words{"ts_unacceptable", "make local_ts here overlap the peer's remote_ts, and the reverse"},
    Words{"no_additional_sas", "the peer takes no further children"},
    Words{"child_not_found", ""},
    Words{"busy", ""},
    Words{"refused", "the peer's log says why"},
    Words{"no_spi", "too many sessions are up"},
    Words{"install_refused", "the data plane's log says why"},
    Words{"lifetime_over", ""},
    Words{"closed_by_peer", ""},
    Words{"closed_here", ""},
    Words{"replaced", ""},
    Words{"too_many_half_open", "somebody floods, or peers cannot finish: look at the sources"},
    Words{"fragments_too_many", "send a shorter chain of certificates"},
};
static_assert(kWords.size() == static_cast<std::size_t>(Cause::fragments_too_many) + 1);

}  // namespace

std::string_view name(Stage stage) {
  constexpr std::array<std::string_view, 6> kNames = {"start", "init",        "authentication",
                                                      "child", "established", "rekey"};
  return kNames[static_cast<std::size_t>(stage)];
}

std::string_view name(Cause cause) { return kWords[static_cast<std::size_t>(cause)].name; }

std::string_view advice(Cause cause) { return kWords[static_cast<std::size_t>(cause)].advice; }

Cause cause_of(crypto::ChainFailure failure) {
  switch (failure) {
    case crypto::ChainFailure::expired:
      return Cause::certificate_expired;
    case crypto::ChainFailure::not_yet_valid:
      return Cause::certificate_not_yet_valid;
    case crypto::ChainFailure::revoked:
      return Cause::certificate_revoked;
    case crypto::ChainFailure::untrusted:
      return Cause::unknown_issuer;
    case crypto::ChainFailure::no_revocation_list:
      return Cause::no_revocation_list;
    case crypto::ChainFailure::bad:
      break;
  }
  return Cause::certificate_bad;
}

}  // namespace gotthard::ike
