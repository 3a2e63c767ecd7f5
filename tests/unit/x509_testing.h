// Authorities, certificates and revocation lists, made on the spot by OpenSSL.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/certificate.h"
#include "crypto/trust_store.h"

namespace gotthard::x509_testing {

using Key = std::shared_ptr<EVP_PKEY>;
using Native = std::shared_ptr<X509>;

inline constexpr std::int64_t kNow = 1'790'000'000;  // of September 2026
inline constexpr std::int64_t kDay = 86'400;

// "RSA:2048", "EC:P-256", "ED25519"
inline Key make_key(const std::string& kind) {
  EVP_PKEY* key = nullptr;
  if (kind.starts_with("RSA:")) {
    key = EVP_RSA_gen(static_cast<unsigned>(std::stoi(kind.substr(4))));
  } else if (kind.starts_with("EC:")) {
    key = EVP_EC_gen(kind.substr(3).c_str());
  } else {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, kind.c_str());
  }
  EXPECT_NE(key, nullptr);
  return {key, EVP_PKEY_free};
}

template <typename Write>
std::vector<std::byte> written(Write&& write) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new(BIO_s_mem()), BIO_free_all);
  EXPECT_EQ(write(out.get()), 1);
  char* data = nullptr;
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(out.get(), &data));
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  return {bytes, bytes + size};
}

inline std::vector<std::byte> key_file(const Key& key) {
  return written([&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

struct Wanted {
  std::string subject = "CN=gw.example";
  std::string names;  // as in openssl.cnf: "DNS:gw.example,IP:192.0.2.1"
  std::string usage;  // as in openssl.cnf; empty: no keyUsage
  bool authority = false;
  std::int64_t not_before = kNow - kDay;
  std::int64_t not_after = kNow + 90 * kDay;
  std::string digest = "SHA256";
  std::string key_kind = "EC:P-256";
};

// A certificate and its key; of an authority, the right to issue others.
class Issued {
 public:
  static Issued root(Wanted wanted = {.subject = "O=Test, CN=Root", .authority = true}) {
    Issued made;
    made.key_ = make_key(wanted.key_kind);
    made.native_ = sign(wanted, made.key_, nullptr, made.key_, 1);
    return made;
  }
  Issued issue(const Wanted& wanted) {
    Issued made;
    made.key_ = make_key(wanted.key_kind);
    made.native_ = sign(wanted, made.key_, native_, key_, ++serial_);
    made.chain_ = {made.certificate()};
    return made;
  }
  [[nodiscard]] crypto::Certificate certificate() const {
    auto parsed = crypto::Certificate::parse(der());
    EXPECT_TRUE(parsed) << parsed.error().message;
    return *parsed;
  }
  [[nodiscard]] std::vector<std::byte> der() const {
    return written([&](BIO* out) { return i2d_X509_bio(out, native_.get()); });
  }
  [[nodiscard]] std::vector<std::byte> pem() const {
    return written([&](BIO* out) { return PEM_write_bio_X509(out, native_.get()); });
  }
  [[nodiscard]] crypto::SigningKey signing_key() const {
    auto parsed = crypto::SigningKey::parse(key_file(key_));
    EXPECT_TRUE(parsed);
    return *parsed;
  }
  // A list that revokes these.
  [[nodiscard]] std::vector<std::byte> revoke(const std::vector<const Issued*>& revoked,
                                              std::int64_t next_update = kNow + kDay) const {
    const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> list(X509_CRL_new(), X509_CRL_free);
    X509_CRL_set_version(list.get(), 1);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(native_.get()));
    const auto time = [](std::int64_t seconds) {
      return std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)>(ASN1_TIME_set(nullptr, seconds),
                                                                   ASN1_TIME_free);
    };
    X509_CRL_set1_lastUpdate(list.get(), time(kNow - 2 * kDay).get());
    X509_CRL_set1_nextUpdate(list.get(), time(next_update).get());
    for (const Issued* one : revoked) {
      X509_REVOKED* entry = X509_REVOKED_new();
      X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(one->native_.get()));
      X509_REVOKED_set_revocationDate(entry, time(kNow - kDay).get());
      X509_CRL_add0_revoked(list.get(), entry);
    }
    X509_CRL_sort(list.get());
    EXPECT_GT(X509_CRL_sign(list.get(), key_.get(), EVP_sha256()), 0);
    return written([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list.get()); });
  }

 private:
  static void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
    if (value.empty()) {
      return;
    }
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    ASSERT_NE(extension, nullptr) << value;
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  static Native sign(const Wanted& wanted, const Key& key, const Native& issuer,
                     const Key& issuer_key, long serial) {  // NOLINT: OpenSSL's type
    const Native made(X509_new(), X509_free);
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
    const auto name_der = *crypto::parse_name(wanted.subject);
    const auto* at = reinterpret_cast<const unsigned char*>(name_der.data());
    X509_NAME* name = d2i_X509_NAME(nullptr, &at, static_cast<long>(name_der.size()));  // NOLINT
    X509_set_subject_name(made.get(), name);
    X509_set_issuer_name(made.get(), issuer ? X509_get_subject_name(issuer.get()) : name);
    X509_NAME_free(name);
    ASN1_TIME_set(X509_getm_notBefore(made.get()), wanted.not_before);
    ASN1_TIME_set(X509_getm_notAfter(made.get()), wanted.not_after);
    X509_set_pubkey(made.get(), key.get());
    X509* parent = issuer ? issuer.get() : made.get();
    extend(made.get(), parent, NID_basic_constraints,
           wanted.authority ? "critical,CA:TRUE" : "CA:FALSE");
    extend(made.get(), parent, NID_subject_key_identifier, "hash");
    extend(made.get(), parent, NID_subject_alt_name, wanted.names);
    extend(made.get(), parent, NID_key_usage, wanted.usage);
    const bool edwards = EVP_PKEY_is_a(issuer_key.get(), "ED25519") == 1;
    EXPECT_GT(X509_sign(made.get(), issuer_key.get(),
                        edwards ? nullptr : EVP_get_digestbyname(wanted.digest.c_str())),
              0);
    return made;
  }

  Key key_;
  Native native_;
  std::vector<crypto::Certificate> chain_;
  long serial_ = 100;  // NOLINT: OpenSSL's type
};

}  // namespace gotthard::x509_testing
