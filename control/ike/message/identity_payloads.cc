#include "control/ike/message/identity_payloads.h"

namespace gotthard::ike {
namespace {

void write(Writer& writer, const Identification& id) {
  writer.u8(static_cast<std::uint8_t>(id.type));
  writer.u8(0);
  writer.u16(0);
  writer.bytes(id.data);
}

}  // namespace

std::optional<Identification> parse_identification(Bytes body) {
  Reader reader(body);
  Identification id{.body = body};
  id.type = static_cast<IdType>(reader.u8());
  reader.skip(3);
  id.data = reader.rest();
  return reader.ok() ? std::optional(id) : std::nullopt;
}

// RFC 7296, section 3.5.
void add(ChainWriter& chain, PayloadType payload, const Identification& id) {
  chain.add(payload, [&](Writer& writer) { write(writer, id); });
}

Buffer body_of(const Identification& id) {
  Writer writer;
  write(writer, id);
  return writer.take();
}

std::optional<Certificate> parse_certificate(Bytes body) {
  Reader reader(body);
  Certificate certificate;
  certificate.encoding = static_cast<CertificateEncoding>(reader.u8());
  certificate.data = reader.rest();
  return reader.ok() && !certificate.data.empty() ? std::optional(certificate) : std::nullopt;
}

// RFC 7296, section 3.6.
void add(ChainWriter& chain, const Certificate& certificate) {
  chain.add(PayloadType::certificate, [&](Writer& writer) {
    writer.u8(static_cast<std::uint8_t>(certificate.encoding));
    writer.bytes(certificate.data);
  });
}

std::optional<CertificateRequest> parse_certificate_request(Bytes body) {
  Reader reader(body);
  CertificateRequest request;
  request.encoding = static_cast<CertificateEncoding>(reader.u8());
  if (request.encoding != CertificateEncoding::x509_signature) {
    return reader.ok() ? std::optional(request) : std::nullopt;
  }
  if (reader.remaining() % CertificateRequest::kHashSize != 0) {
    return std::nullopt;
  }
  while (!reader.at_end()) {
    const Bytes hash = reader.bytes(CertificateRequest::kHashSize);
    if (request.authorities.size() < CertificateRequest::kMaxAuthorities) {
      request.authorities.push_back(hash);
    }
  }
  return reader.ok() ? std::optional(request) : std::nullopt;
}

// RFC 7296, section 3.7.
void add(ChainWriter& chain, const CertificateRequest& request) {
  chain.add(PayloadType::certificate_request, [&](Writer& writer) {
    writer.u8(static_cast<std::uint8_t>(request.encoding));
    for (const Bytes hash : request.authorities) {
      writer.bytes(hash);
    }
  });
}

std::optional<Authentication> parse_authentication(Bytes body) {
  Reader reader(body);
  Authentication auth;
  auth.method = static_cast<AuthMethod>(reader.u8());
  reader.skip(3);
  auth.data = reader.rest();
  return reader.ok() && !auth.data.empty() ? std::optional(auth) : std::nullopt;
}

// RFC 7296, section 3.8.
void add(ChainWriter& chain, const Authentication& auth) {
  chain.add(PayloadType::authentication, [&](Writer& writer) {
    writer.u8(static_cast<std::uint8_t>(auth.method));
    writer.u8(0);
    writer.u16(0);
    writer.bytes(auth.data);
  });
}

}  // namespace gotthard::ike
