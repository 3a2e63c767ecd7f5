// Who is there and how it is shown: Identification, Certificate, Certificate Request and
// Authentication payloads (RFC 7296, sections 3.5 to 3.8). What was parsed refers to the message's
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "control/ike/message/chain.h"

namespace gotthard::ike {

struct Identification {
  IdType type = IdType::fqdn;  // may hold types that are not known
  Bytes data;
  Bytes body;  // of one that was received: as it was, which is what its sender has signed
};

[[nodiscard]] std::optional<Identification> parse_identification(Bytes body);
// `payload`: id_initiator or id_responder.
void add(ChainWriter& chain, PayloadType payload, const Identification& id);

// What the pseudo-random function is taken over for AUTH (section 2.15): the payload without its
// generic header, reserved bytes included. Of one that we send.
[[nodiscard]] Buffer body_of(const Identification& id);

struct Certificate {
  CertificateEncoding encoding = CertificateEncoding::x509_signature;  // any
  Bytes data;
};

[[nodiscard]] std::optional<Certificate> parse_certificate(Bytes body);
void add(ChainWriter& chain, const Certificate& certificate);

// For X.509: SHA-1 hashes of the SubjectPublicKeyInfo of trusted authorities.
struct CertificateRequest {
  static constexpr std::size_t kHashSize = 20;
  static constexpr std::size_t kMaxAuthorities = 256;
  CertificateEncoding encoding = CertificateEncoding::x509_signature;  // any
  std::vector<Bytes> authorities;  // of kHashSize each; none when the encoding is another one
};

[[nodiscard]] std::optional<CertificateRequest> parse_certificate_request(Bytes body);
void add(ChainWriter& chain, const CertificateRequest& request);

struct Authentication {
  AuthMethod method = AuthMethod::shared_key_mic;  // any
  Bytes data;
};

[[nodiscard]] std::optional<Authentication> parse_authentication(Bytes body);
void add(ChainWriter& chain, const Authentication& auth);

}  // namespace gotthard::ike
