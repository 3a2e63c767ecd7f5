#include "control/ike/sa/credentials.h"

#include <algorithm>

namespace gotthard::ike {
namespace {

// The initiator signs the request and the other's nonce, the responder the response.
Buffer octets_of(const IkeSa& sa, bool of_initiator, Bytes id_body) {
  const Handshake& handshake = *sa.handshake;
  return of_initiator ? signed_octets(sa.suite.prf, sa.keys.p_initiator, handshake.init_request,
                                      handshake.nonce_responder, id_body)
                      : signed_octets(sa.suite.prf, sa.keys.p_responder, handshake.init_response,
                                      handshake.nonce_initiator, id_body);
}

PeerCheck failed(Cause cause, std::string text) { return {cause, std::move(text), {}}; }

// What the peer has sent, its own first; or the one that we have of it.
std::vector<crypto::Certificate> chain_of(const RemoteAuth& auth, const Identity& id,
                                          const Payloads& payloads) {
  std::vector<crypto::Certificate> chain;
  for (const Certificate& payload : payloads.certificates) {
    if (payload.encoding != CertificateEncoding::x509_signature ||
        chain.size() > crypto::TrustStore::kMaxUntrusted) {
      continue;
    }
    auto parsed = crypto::Certificate::parse(payload.data);
    if (parsed) {
      chain.push_back(std::move(*parsed));
    } else if (chain.empty()) {
      return {};  // its own is no good; another one of the chain is not its own
    }
  }
  if (payloads.certificates.empty()) {
    const auto& anchors = auth.trust->anchors();
    const auto own = std::ranges::find_if(anchors, [&](const crypto::Certificate& anchor) {
      return !anchor.is_authority() && covers(anchor, id);
    });
    if (own != anchors.end()) {
      chain.push_back(*own);
    }
  }
  return chain;
}

PeerCheck check_signature(const IkeSa& sa, const RemoteAuth& auth, const Identification& id,
                          const Payloads& payloads, Time now) {
  const Identity identity = identity_of(id);
  auto chain = chain_of(auth, identity, payloads);
  if (chain.empty()) {
    return failed(Cause::certificate_missing, to_string(identity));
  }
  const crypto::Certificate& own = chain.front();
  if (!covers(own, identity)) {
    return failed(Cause::identity_not_in_certificate,
                  to_string(identity) + " is not in the certificate of " + own.subject_text());
  }
  if (!own.may_authenticate()) {
    return failed(Cause::certificate_bad, own.subject_text() + " may not sign");
  }
  // The chain first: its faults are what an operator can mend.
  PeerCheck check = check_chain(auth, chain, now);
  if (check.cause != Cause::done) {
    return check;
  }
  switch (verify(own.key(), *payloads.auth, octets_of(sa, !sa.initiator, id.body))) {
    case SignatureVerdict::valid:
      check.chain = std::move(chain);
      return check;
    case SignatureVerdict::wrong:
      return failed(Cause::signature_wrong, own.subject_text());
    case SignatureVerdict::unsupported:
      break;
  }
  return failed(Cause::method_not_accepted, "an algorithm that is weak, or not known");
}

}  // namespace

std::optional<AuthData> own_auth(const IkeSa& sa, const LocalAuth& auth) {
  const Buffer octets = octets_of(sa, sa.initiator, body_of(auth.id.payload()));
  if (auth.kind == AuthKind::certificate) {
    return auth.key ? sign(*auth.key, auth.scheme, sa.peer.hashes, octets) : std::nullopt;
  }
  const crypto::SecretBytes mac = shared_key_auth(sa.suite.prf, auth.psk.bytes(), octets);
  return AuthData{AuthMethod::shared_key_mic, Buffer(mac.bytes().begin(), mac.bytes().end())};
}

void add_certificates(ChainWriter& chain, const LocalAuth& auth) {
  if (auth.kind == AuthKind::certificate) {
    for (const crypto::Certificate& certificate : auth.chain) {
      add(chain, Certificate{CertificateEncoding::x509_signature, certificate.der()});
    }
  }
}

PeerCheck check_peer(const IkeSa& sa, const RemoteAuth& auth, const Identification& id,
                     const Payloads& payloads, Time now) {
  const bool by_key = payloads.auth->method == AuthMethod::shared_key_mic;
  if (by_key != (auth.kind == AuthKind::psk)) {
    return failed(Cause::method_not_accepted,
                  by_key ? "it showed a pre-shared key" : "it showed a signature");
  }
  if (!by_key) {
    return check_signature(sa, auth, id, payloads, now);
  }
  const bool valid =
      !auth.psk.empty() &&
      shared_key_auth_valid(sa.suite.prf, auth.psk.bytes(), octets_of(sa, !sa.initiator, id.body),
                            payloads.auth->data);
  return valid ? PeerCheck{} : failed(Cause::psk_mismatch, to_string(identity_of(id)));
}

PeerCheck check_chain(const RemoteAuth& auth, const std::vector<crypto::Certificate>& chain,
                      Time now) {
  const std::vector<crypto::Certificate> untrusted(chain.begin() + 1, chain.end());
  const auto seconds = static_cast<std::int64_t>(now.wall / kSecond);
  const auto verified = auth.trust->verify(chain.front(), untrusted, seconds, auth.revocation);
  return verified ? PeerCheck{} : failed(cause_of(verified.error().failure), verified.error().text);
}

}  // namespace gotthard::ike
