#include "control/ike/identity/identity.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include "crypto/distinguished_name.h"

namespace gotthard::ike {
namespace {

constexpr std::size_t kMaxName = 255;

Buffer bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string_view text_of(const Buffer& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<Identity> address(std::string_view text, int family) {
  Buffer bytes(family == AF_INET ? 4 : 16);
  if (inet_pton(family, std::string(text).c_str(), bytes.data()) != 1) {
    return std::nullopt;
  }
  return Identity{family == AF_INET ? IdType::ipv4_address : IdType::ipv6_address,
                  std::move(bytes)};
}

std::optional<Buffer> from_hex(std::string_view digits) {
  Buffer bytes;
  if (digits.empty() || digits.size() % 2 != 0) {
    return std::nullopt;
  }
  const auto value = [](char c) -> std::optional<unsigned> {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) {
      return std::nullopt;
    }
    return c <= '9' ? static_cast<unsigned>(c - '0') : static_cast<unsigned>((c | 0x20) - 'a') + 10;
  };
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const auto high = value(digits[i]);
    const auto low = value(digits[i + 1]);
    if (!high || !low) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<std::byte>(*high << 4 | *low));
  }
  return bytes;
}

Result<Identity> name(IdType type, std::string_view text) {
  const bool plain = std::ranges::all_of(
      text, [](char c) { return static_cast<unsigned char>(c) > ' ' && c != 0x7f; });
  if (text.empty() || text.size() > kMaxName || !plain) {
    return fail(
        "'{}' is no identity; write a domain name, user@domain, an address or a "
        "distinguished name",
        text);
  }
  return Identity{type, bytes_of(text)};
}

Result<Identity> key_id(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) {
    text.remove_prefix(2);
    if (auto bytes = from_hex(text)) {
      return Identity{IdType::key_id, std::move(*bytes)};
    }
  }
  if (hex || text.empty()) {
    return fail("'{}' is no key id; write keyid: and a text, or keyid:0x and pairs of hex digits",
                text);
  }
  return Identity{IdType::key_id, bytes_of(text)};
}

Result<Identity> distinguished_name(std::string_view text) {
  auto der = crypto::parse_name(text);
  if (!der) {
    return tl::unexpected(der.error());
  }
  return Identity{IdType::distinguished_name, std::move(*der)};
}

Result<Identity> of_kind(std::string_view kind, std::string_view text) {
  if (kind == "ipv4" || kind == "ipv6") {
    if (auto parsed = address(text, kind == "ipv4" ? AF_INET : AF_INET6)) {
      return *parsed;
    }
    return fail("'{}' is no {} address", text, kind == "ipv4" ? "IPv4" : "IPv6");
  }
  if (kind == "dn" || kind == "asn1dn") {
    return distinguished_name(text);
  }
  if (kind == "keyid") {
    return key_id(text);
  }
  return name(kind == "email" || kind == "rfc822" ? IdType::email : IdType::fqdn, text);
}

// Letter case does not count in names (RFC 4945, sections 3.1.2 and 3.1.3).
bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

bool is_name(IdType type) { return type == IdType::fqdn || type == IdType::email; }

// A peer chose these bytes: nothing of them steers a terminal.
std::string visible(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    result += byte > ' ' && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return result;
}

std::string hex_of(const Buffer& bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  }
  return text;
}

std::string address_text(const Buffer& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (bytes.size() != 4 && bytes.size() != 16) {
    return "0x" + hex_of(bytes);
  }
  inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

}  // namespace

Identity identity_of(const Identification& payload) {
  return {payload.type, Buffer(payload.data.begin(), payload.data.end())};
}

Result<Identity> parse_identity(std::string_view text) {
  constexpr std::array<std::string_view, 9> kKinds = {"fqdn", "dns", "email",  "rfc822", "ipv4",
                                                      "ipv6", "dn",  "asn1dn", "keyid"};
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos &&
      std::ranges::find(kKinds, text.substr(0, colon)) != kKinds.end()) {
    return of_kind(text.substr(0, colon), text.substr(colon + 1));
  }
  if (text.starts_with("@#")) {
    return key_id("0x" + std::string(text.substr(2)));
  }
  if (text.starts_with("@@")) {
    return name(IdType::email, text.substr(2));
  }
  if (text.starts_with('@')) {
    return name(IdType::fqdn, text.substr(1));
  }
  for (const int family : {AF_INET, AF_INET6}) {
    if (auto parsed = address(text, family)) {
      return *parsed;
    }
  }
  if (text.find('=') != std::string_view::npos) {
    return distinguished_name(text);
  }
  return name(text.find('@') != std::string_view::npos ? IdType::email : IdType::fqdn, text);
}

std::string to_string(const Identity& identity) {
  switch (identity.type) {
    case IdType::ipv4_address:
    case IdType::ipv6_address:
      return address_text(identity.data);
    case IdType::fqdn:
      return visible(text_of(identity.data));
    case IdType::email: {
      const std::string text = visible(text_of(identity.data));
      return text.find('@') == std::string::npos ? "email:" + text : text;
    }
    case IdType::distinguished_name:
      if (auto text = crypto::name_to_text(identity.data)) {
        return *text;
      }
      return "dn:0x" + hex_of(identity.data);
    case IdType::key_id:
      return "keyid:0x" + hex_of(identity.data);
  }
  return fmt::format("type{}:0x{}", static_cast<int>(identity.type), hex_of(identity.data));
}

Result<IdentityPattern> IdentityPattern::parse(std::string_view text) {
  if (text.empty() || text == "any" || text == "%any" || text == "*") {
    return IdentityPattern();
  }
  auto identity = parse_identity(text);
  if (!identity) {
    return tl::unexpected(identity.error());
  }
  return IdentityPattern(std::move(*identity));
}

bool IdentityPattern::has_wildcard() const {
  if (any_) {
    return true;
  }
  if (identity_.type == IdType::distinguished_name) {
    return to_string(identity_).find("=*") != std::string::npos;
  }
  return is_name(identity_.type) && text_of(identity_.data).starts_with('*');
}

int IdentityPattern::specificity() const { return any_ ? 0 : has_wildcard() ? 1 : 2; }

bool IdentityPattern::matches(const Identity& identity) const {
  if (any_) {
    return true;
  }
  if (identity.type != identity_.type) {
    return false;
  }
  if (identity.type == IdType::distinguished_name) {
    return crypto::name_matches(identity_.data, identity.data);
  }
  if (!is_name(identity.type)) {
    return identity == identity_;
  }
  std::string_view wanted = text_of(identity_.data);
  std::string_view there = text_of(identity.data);
  if (wanted.starts_with('*')) {
    wanted.remove_prefix(1);
    return there.size() > wanted.size() &&
           same_name(there.substr(there.size() - wanted.size()), wanted);
  }
  return same_name(wanted, there);
}

std::string IdentityPattern::text() const { return any_ ? "any" : to_string(identity_); }

const Identity* IdentityPattern::exact() const { return specificity() == 2 ? &identity_ : nullptr; }

bool covers(const crypto::Certificate& certificate, const Identity& identity) {
  switch (identity.type) {
    case IdType::fqdn:
      return certificate.covers_host(text_of(identity.data));
    case IdType::email:
      return certificate.covers_email(text_of(identity.data));
    case IdType::ipv4_address:
    case IdType::ipv6_address:
      return certificate.covers_address(identity.data);
    case IdType::distinguished_name:
      return crypto::same_name(certificate.subject(), identity.data);
    case IdType::key_id:
      return certificate.covers_key_id(identity.data);
  }
  return false;
}

}  // namespace gotthard::ike
