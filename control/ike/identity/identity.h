// Identities, in swanctl's words (RFC 7296, section 3.5; RFC 4945, section 3.1).
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/ike/message/identity_payloads.h"
#include "crypto/certificate.h"

namespace gotthard::ike {

struct Identity {
  IdType type = IdType::fqdn;  // may hold types that are not known
  Buffer data;                 // as on the wire: text, an address, DER, or any bytes

  bool operator==(const Identity&) const = default;
  auto operator<=>(const Identity&) const = default;
  [[nodiscard]] Identification payload() const { return {type, data}; }
};

[[nodiscard]] Identity identity_of(const Identification& payload);

// An address, a distinguished name (it has a '='), an e-mail address (it has a '@'), else a fully
// qualified domain name. A prefix decides otherwise: "fqdn:", "dns:", "email:", "ipv4:", "ipv6:",
// "dn:", "keyid:" (bytes as they are, or 0x and hex digits); '@' before a name too, and "@#" before
// hex digits of a key id.
Result<Identity> parse_identity(std::string_view text);
// What parse_identity() takes, but for control characters, which are made visible.
[[nodiscard]] std::string to_string(const Identity& identity);

// What a peer may call itself.
class IdentityPattern {
 public:
  IdentityPattern() = default;  // anything
  explicit IdentityPattern(Identity exact) : identity_(std::move(exact)), any_(false) {}

  // "any", "%any" and nothing: anything. "*.example" and "*@example": names that end so. In a
  // distinguished name a value may be "*".
  static Result<IdentityPattern> parse(std::string_view text);

  [[nodiscard]] bool matches(const Identity& identity) const;
  // How much it asks: 0 anything, 1 a wildcard, 2 one identity. The more wins.
  [[nodiscard]] int specificity() const;
  [[nodiscard]] std::string text() const;
  // The one identity that it allows, for IDr of an initiator; null when it allows several.
  [[nodiscard]] const Identity* exact() const;

 private:
  [[nodiscard]] bool has_wildcard() const;

  Identity identity_;
  bool any_ = true;
};

// The certificate names this identity: in its subjectAltName, as its subject, as its key's
// identifier (RFC 4945, section 3.1).
[[nodiscard]] bool covers(const crypto::Certificate& certificate, const Identity& identity);

}  // namespace gotthard::ike
