#include "crypto/certificate.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/digest.h"
#include "crypto/openssl.h"

namespace gotthard::crypto {
namespace {

using Bytes = std::span<const std::byte>;
using Native = std::unique_ptr<X509, Freed<X509_free>>;
using Input = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

// Neither the subject's CN nor wildcards: an identity is one name (RFC 4945, section 5.1.3.6).
constexpr unsigned kExact = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;

std::optional<std::int64_t> seconds_of(const ASN1_TIME* time) {
  std::tm fields{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &fields) != 1) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(timegm(&fields));
}

template <typename Write>
Der der_of(Write&& write) {
  unsigned char* out = nullptr;
  const int size = write(&out);
  require(size > 0, "writing DER");
  const auto* bytes = reinterpret_cast<const std::byte*>(out);
  Der der(bytes, bytes + size);
  OPENSSL_free(out);
  return der;
}

std::string text_of(const X509_NAME* name) {
  return name_to_text(der_of([&](unsigned char** out) { return i2d_X509_NAME(name, out); }))
      .value_or("");
}

std::string text_of(const ASN1_STRING* value) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<std::size_t>(ASN1_STRING_length(value))};
}

}  // namespace

Certificate::Certificate(std::shared_ptr<x509_st> native, Der der, VerifyingKey key)
    : native_(std::move(native)),
      der_(std::make_shared<const Der>(std::move(der))),
      key_(std::move(key)) {}

Result<Certificate> Certificate::parse(Bytes der) {
  if (der.empty() || der.size() > kMaxCertificate) {
    return fail("a certificate has {} bytes; the most is {}", der.size(), kMaxCertificate);
  }
  const unsigned char* at = raw(der.data());
  Native native(d2i_X509(nullptr, &at, static_cast<long>(der.size())));  // NOLINT: OpenSSL's type
  // X509_check_purpose() makes the library read the extensions: no later use finds them broken.
  if (native == nullptr || at != raw(der.data()) + der.size() ||
      X509_check_purpose(native.get(), -1, 0) != 1) {
    return fail("this is no X.509 certificate that can be read");
  }
  auto key = VerifyingKey::adopt(X509_get_pubkey(native.get()));
  if (!key) {
    return fail("the certificate of {}: {}", text_of(X509_get_subject_name(native.get())),
                key.error().message);
  }
  const auto not_before = seconds_of(X509_get0_notBefore(native.get()));
  const auto not_after = seconds_of(X509_get0_notAfter(native.get()));
  if (!not_before || !not_after) {
    return fail("the certificate of {} has no valid times",
                text_of(X509_get_subject_name(native.get())));
  }
  Certificate certificate(std::shared_ptr<x509_st>(native.release(), X509_free),
                          Der(der.begin(), der.end()), std::move(*key));
  certificate.not_before_ = *not_before;
  certificate.not_after_ = *not_after;
  return certificate;
}

Result<std::vector<Certificate>> Certificate::parse_file(Bytes file) {
  std::vector<Certificate> certificates;
  if (file.empty()) {
    return fail("the file has no certificate; give one as PEM or DER");
  }
  const Input input(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
  require(input != nullptr, "BIO_new_mem_buf");
  while (const Native one{PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr)}) {
    auto parsed = parse(der_of([&](unsigned char** out) { return i2d_X509(one.get(), out); }));
    if (!parsed) {
      return tl::unexpected(parsed.error());
    }
    certificates.push_back(std::move(*parsed));
  }
  if (certificates.empty()) {
    auto parsed = parse(file);
    if (!parsed) {
      return fail("the file has no certificate that can be read; give one as PEM or DER");
    }
    certificates.push_back(std::move(*parsed));
  }
  return certificates;
}

Der Certificate::subject() const {
  return der_of(
      [&](unsigned char** out) { return i2d_X509_NAME(X509_get_subject_name(native()), out); });
}

std::string Certificate::subject_text() const { return text_of(X509_get_subject_name(native())); }
std::string Certificate::issuer_text() const { return text_of(X509_get_issuer_name(native())); }

std::string Certificate::serial_text() const {
  const Number number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(native()), nullptr));
  char* digits = number != nullptr ? BN_bn2hex(number.get()) : nullptr;
  std::string text = digits != nullptr ? digits : "";
  OPENSSL_free(digits);
  return text;
}

bool Certificate::is_authority() const { return X509_check_ca(native()) == 1; }

bool Certificate::may_authenticate() const {
  const std::uint32_t usage = X509_get_key_usage(native());
  return (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0;
}

std::array<std::uint8_t, 20> Certificate::key_hash() const {
  const Der key = der_of(
      [&](unsigned char** out) { return i2d_X509_PUBKEY(X509_get_X509_PUBKEY(native()), out); });
  return sha1({key});
}

bool Certificate::covers_host(std::string_view name) const {
  return !name.empty() && X509_check_host(native(), name.data(), name.size(), kExact, nullptr) == 1;
}

bool Certificate::covers_email(std::string_view address) const {
  return !address.empty() &&
         X509_check_email(native(), address.data(), address.size(), kExact) == 1;
}

bool Certificate::covers_address(Bytes address) const {
  return X509_check_ip(native(), raw(address.data()), address.size(), 0) == 1;
}

bool Certificate::covers_key_id(Bytes id) const {
  const ASN1_OCTET_STRING* own = X509_get0_subject_key_id(native());
  return own != nullptr &&
         std::ranges::equal(
             id, std::as_bytes(std::span(ASN1_STRING_get0_data(own),
                                         static_cast<std::size_t>(ASN1_STRING_length(own)))));
}

std::vector<std::string> Certificate::alternative_names() const {
  std::vector<std::string> result;
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(native(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS || name->type == GEN_EMAIL) {
      result.push_back(text_of(name->d.ia5));
    } else if (name->type == GEN_IPADD) {
      std::array<char, INET6_ADDRSTRLEN> text{};
      const int size = ASN1_STRING_length(name->d.iPAddress);
      if (size == 4 || size == 16) {
        inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress),
                  text.data(), text.size());
        result.emplace_back(text.data());
      }
    }
  }
  return result;
}

std::string time_text(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm fields{};
  gmtime_r(&time, &fields);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", fields.tm_year + 1900,
                     fields.tm_mon + 1, fields.tm_mday, fields.tm_hour, fields.tm_min,
                     fields.tm_sec);
}

}  // namespace gotthard::crypto
