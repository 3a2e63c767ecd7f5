#include "crypto/trust_store.h"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/openssl.h"

namespace gotthard::crypto {
namespace {

using Input = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using List = std::unique_ptr<X509_CRL, Freed<X509_CRL_free>>;
using Context = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;

// 112 bits of security: no SHA-1, no RSA below 2048 bits.
constexpr int kSecurityLevel = 2;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};
using Stack = std::unique_ptr<STACK_OF(X509), FreeStack>;

// For relaxed revocation: what is missing or old does not refuse, what is named does.
int tolerate_lists(int ok, X509_STORE_CTX* context) {
  switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
      return 1;
    default:
      return ok;
  }
}

ChainFailure failure_of(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return ChainFailure::expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return ChainFailure::not_yet_valid;
    case X509_V_ERR_CERT_REVOKED:
      return ChainFailure::revoked;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      return ChainFailure::untrusted;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
      return ChainFailure::no_revocation_list;
    default:
      return ChainFailure::bad;
  }
}

std::string describe(X509_STORE_CTX* context, const Certificate& leaf, ChainFailure failure) {
  X509* current = X509_STORE_CTX_get_current_cert(context);
  std::string whose = leaf.subject_text();
  std::int64_t not_before = leaf.not_before();
  std::int64_t not_after = leaf.not_after();
  if (current != nullptr && current != leaf.native()) {
    unsigned char* out = nullptr;
    const int size = i2d_X509(current, &out);
    const auto* bytes = reinterpret_cast<const std::byte*>(out);
    if (size > 0) {
      if (const auto parsed = Certificate::parse({bytes, static_cast<std::size_t>(size)})) {
        whose = parsed->subject_text();
        not_before = parsed->not_before();
        not_after = parsed->not_after();
      }
    }
    OPENSSL_free(out);
  }
  switch (failure) {
    case ChainFailure::expired:
      return fmt::format("the certificate of {} expired on {}", whose, time_text(not_after));
    case ChainFailure::not_yet_valid:
      return fmt::format("the certificate of {} is valid from {} on", whose, time_text(not_before));
    case ChainFailure::revoked:
      return fmt::format("the certificate of {} is revoked", whose);
    case ChainFailure::untrusted:
      return fmt::format("the issuer of the certificate of {} is not trusted", whose);
    case ChainFailure::no_revocation_list:
      return fmt::format("there is no valid revocation list for the certificate of {}", whose);
    case ChainFailure::bad:
      break;
  }
  return fmt::format("the certificate of {}: {}", whose,
                     X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
}

}  // namespace

TrustStore::TrustStore() : store_(X509_STORE_new(), X509_STORE_free) {
  require(store_ != nullptr, "X509_STORE_new");
}

void TrustStore::add_anchor(const Certificate& certificate) {
  require(X509_STORE_add_cert(store_.get(), certificate.native()) == 1, "X509_STORE_add_cert");
  anchors_.push_back(certificate);
}

Status TrustStore::add_revocation_lists(std::span<const std::byte> file) {
  std::size_t count = 0;
  const auto add = [&](const List& list) {
    require(X509_STORE_add_crl(store_.get(), list.get()) == 1, "X509_STORE_add_crl");
    has_lists_ = true;
    ++count;
  };
  if (!file.empty()) {
    const Input input(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
    require(input != nullptr, "BIO_new_mem_buf");
    while (const List list{PEM_read_bio_X509_CRL(input.get(), nullptr, nullptr, nullptr)}) {
      add(list);
    }
    if (count == 0) {
      const unsigned char* at = raw(file.data());
      if (const List list{d2i_X509_CRL(nullptr, &at, static_cast<long>(file.size()))}) {  // NOLINT
        add(list);
      }
    }
  }
  if (count == 0) {
    return fail("the file has no revocation list that can be read; give one as PEM or DER");
  }
  return {};
}

tl::expected<void, ChainError> TrustStore::verify(const Certificate& leaf,
                                                  const std::vector<Certificate>& untrusted,
                                                  std::int64_t now, Revocation revocation) const {
  const Context context(X509_STORE_CTX_new());
  const Stack others(sk_X509_new_null());
  require(context != nullptr && others != nullptr, "X509_STORE_CTX_new");
  for (std::size_t i = 0; i < untrusted.size() && i < kMaxUntrusted; ++i) {
    require(sk_X509_push(others.get(), untrusted[i].native()) > 0, "sk_X509_push");
  }
  require(X509_STORE_CTX_init(context.get(), store_.get(), leaf.native(), others.get()) == 1,
          "X509_STORE_CTX_init");
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, now);
  X509_VERIFY_PARAM_set_depth(parameters, kMaxDepth);
  X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST;  // NOLINT
  if (has_lists_ || revocation == Revocation::strict) {
    flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  }
  X509_VERIFY_PARAM_set_flags(parameters, flags);
  if (revocation == Revocation::relaxed) {
    X509_STORE_CTX_set_verify_cb(context.get(), tolerate_lists);
  }
  if (X509_verify_cert(context.get()) == 1) {
    return {};
  }
  const ChainFailure failure = failure_of(X509_STORE_CTX_get_error(context.get()));
  return tl::unexpected(ChainError{failure, describe(context.get(), leaf, failure)});
}

}  // namespace gotthard::crypto
