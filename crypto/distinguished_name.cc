#include "crypto/distinguished_name.h"

#include <openssl/x509.h>

#include <memory>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/openssl.h"

namespace gotthard::crypto {
namespace {

using Name = std::unique_ptr<X509_NAME, Freed<X509_NAME_free>>;
using Text = std::unique_ptr<BIO, Freed<BIO_free_all>>;

Name from_der(std::span<const std::byte> der) {
  const unsigned char* at = raw(der.data());
  Name name(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));  // NOLINT: OpenSSL's type
  return at == raw(der.data()) + der.size() ? std::move(name) : nullptr;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  return text;
}

// Up to the next ',' that is not escaped; escapes are taken off.
std::string take_part(std::string_view& rest) {
  std::string part;
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == ',') {
      break;
    }
    if (c == '\\' && !rest.empty()) {
      part += rest.front();
      rest.remove_prefix(1);
    } else {
      part += c;
    }
  }
  return part;
}

Status add_part(X509_NAME* name, std::string_view part) {
  const std::size_t equals = part.find('=');
  if (equals == std::string_view::npos) {
    return fail("'{}' in a distinguished name is no TYPE=value", part);
  }
  std::string type(trimmed(part.substr(0, equals)));
  const std::string_view value = trimmed(part.substr(equals + 1));
  if (type == "E" || type == "EMAILADDRESS" || type == "Email") {
    type = "emailAddress";
  }
  // A star is short for a country; as a type of its own it is not measured.
  const int kind = value == "*" ? V_ASN1_UTF8STRING : MBSTRING_UTF8;
  if (value.empty() ||
      X509_NAME_add_entry_by_txt(name, type.c_str(), kind,
                                 reinterpret_cast<const unsigned char*>(value.data()),
                                 static_cast<int>(value.size()), -1, 0) != 1) {
    return fail(
        "'{}' in a distinguished name is not known or has no good value; types are C, ST, L, "
        "O, OU, CN, DC, emailAddress",
        part);
  }
  return {};
}

bool is_star(const ASN1_STRING* value) {
  return ASN1_STRING_length(value) == 1 && ASN1_STRING_get0_data(value)[0] == '*';
}

// The same name, with the values that are stars in `pattern` made stars too.
Name with_stars(const X509_NAME* pattern, const X509_NAME* name) {
  Name copy(X509_NAME_new());
  const int count = X509_NAME_entry_count(name);
  if (copy == nullptr || X509_NAME_entry_count(pattern) != count) {
    return nullptr;
  }
  for (int i = 0; i < count; ++i) {
    const X509_NAME_ENTRY* wanted = X509_NAME_get_entry(pattern, i);
    X509_NAME_ENTRY* there = X509_NAME_get_entry(name, i);
    const bool same_type =
        OBJ_cmp(X509_NAME_ENTRY_get_object(wanted), X509_NAME_ENTRY_get_object(there)) == 0;
    const X509_NAME_ENTRY* taken =
        same_type && is_star(X509_NAME_ENTRY_get_data(wanted)) ? wanted : there;
    // A set of several stays one: -1 joins the entry before it.
    const bool joins = i > 0 && X509_NAME_ENTRY_set(there) ==
                                    X509_NAME_ENTRY_set(X509_NAME_get_entry(name, i - 1));
    if (X509_NAME_add_entry(copy.get(), taken, -1, joins ? -1 : 0) != 1) {
      return nullptr;
    }
  }
  return copy;
}

}  // namespace

Result<Der> parse_name(std::string_view text) {
  const Name name(X509_NAME_new());
  require(name != nullptr, "X509_NAME_new");
  for (std::string_view rest = trimmed(text); !rest.empty();) {
    const std::string part = take_part(rest);
    if (const Status added = add_part(name.get(), trimmed(part)); !added) {
      return tl::unexpected(added.error());
    }
  }
  if (X509_NAME_entry_count(name.get()) == 0) {
    return fail(
        "a distinguished name is empty; write for example \"C=DE, O=Example, CN=gw.example\"");
  }
  unsigned char* out = nullptr;
  const int size = i2d_X509_NAME(name.get(), &out);
  require(size > 0, "i2d_X509_NAME");
  const auto* bytes = reinterpret_cast<const std::byte*>(out);
  Der der(bytes, bytes + size);
  OPENSSL_free(out);
  return der;
}

std::optional<std::string> name_to_text(std::span<const std::byte> der) {
  const Name name = from_der(der);
  const Text text(BIO_new(BIO_s_mem()));
  if (name == nullptr || text == nullptr ||
      X509_NAME_print_ex(text.get(), name.get(), 0,
                         ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_UTF8_CONVERT |
                             ASN1_STRFLGS_DUMP_UNKNOWN | ASN1_STRFLGS_DUMP_DER |
                             XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN) < 0) {
    return std::nullopt;
  }
  char* data = nullptr;
  const auto size = BIO_get_mem_data(text.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

bool same_name(std::span<const std::byte> a, std::span<const std::byte> b) {
  const Name one = from_der(a);
  const Name other = from_der(b);
  return one != nullptr && other != nullptr && X509_NAME_cmp(one.get(), other.get()) == 0;
}

bool name_matches(std::span<const std::byte> pattern, std::span<const std::byte> name) {
  const Name wanted = from_der(pattern);
  const Name there = from_der(name);
  if (wanted == nullptr || there == nullptr) {
    return false;
  }
  const Name starred = with_stars(wanted.get(), there.get());
  return starred != nullptr && X509_NAME_cmp(wanted.get(), starred.get()) == 0;
}

}  // namespace gotthard::crypto
