#include "crypto/portable/portable_aead.h"

#include <utility>

#include "crypto/portable/chacha20_poly1305.h"
#include "crypto/secret.h"

namespace gotthard::crypto {

Result<PortableAead> PortableAead::create() {
  auto gcm = PortableGcm::create();
  if (!gcm) {
    return tl::unexpected(gcm.error());
  }
  auto cbc_hmac = PortableCbcHmac::create();
  if (!cbc_hmac) {
    return tl::unexpected(cbc_hmac.error());
  }
  return PortableAead(std::move(*gcm), std::move(*cbc_hmac));
}

void PortableAead::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) noexcept {
  switch (family_of(suite)) {
    case Family::chacha20_poly1305:
      return sodium::expand(suite, key, out);
    case Family::aes_gcm:
    case Family::aes_gmac:
      return PortableGcm::expand(suite, key, out);
    case Family::aes_cbc_hmac:
      return PortableCbcHmac::expand(suite, key, out);
  }
}

void PortableAead::seal(std::span<const AeadJob> jobs) noexcept {
  for (const AeadJob& job : jobs) {
    switch (family_of(job.key->suite())) {
      case Family::chacha20_poly1305:
        sodium::seal(job);
        break;
      case Family::aes_gcm:
      case Family::aes_gmac:
        gcm_.seal(job);
        break;
      case Family::aes_cbc_hmac:
        cbc_hmac_.seal(job);
        break;
    }
  }
  forget();
}

std::uint64_t PortableAead::open(std::span<const AeadJob> jobs) noexcept {
  std::uint64_t authentic = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (open(jobs[i])) {
      authentic |= std::uint64_t{1} << i;
    } else {
      wipe({jobs[i].text, jobs[i].length});
    }
  }
  forget();
  return authentic;
}

bool PortableAead::open(const AeadJob& job) noexcept {
  switch (family_of(job.key->suite())) {
    case Family::chacha20_poly1305:
      return sodium::open(job);
    case Family::aes_gcm:
    case Family::aes_gmac:
      return gcm_.open(job);
    case Family::aes_cbc_hmac:
      return cbc_hmac_.open(job);
  }
  return false;
}

void PortableAead::forget() noexcept {
  gcm_.forget();
  cbc_hmac_.forget();
}

}  // namespace gotthard::crypto
