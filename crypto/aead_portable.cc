#include "crypto/aead_portable.h"

#include <sodium.h>

#include <algorithm>

#include "crypto/bytes.h"

namespace gotthard::crypto {

// libsodium expands nothing ahead: the schedule is the key.
void PortableAead::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) noexcept {
  out.suite_ = suite;
  std::copy(key.begin(), key.end(), out.schedule_.bytes().begin());
}

void PortableAead::seal(std::span<const AeadJob> jobs) noexcept {
  for (const AeadJob& job : jobs) {
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(
        raw(job.text), raw(job.tag), nullptr, raw(job.text), job.length, raw(job.aad),
        job.aad_length, nullptr, job.nonce.data(), raw(job.key->schedule().data()));
  }
}

std::uint64_t PortableAead::open(std::span<const AeadJob> jobs) noexcept {
  std::uint64_t authentic = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const AeadJob& job = jobs[i];
    const int refused = crypto_aead_chacha20poly1305_ietf_decrypt_detached(
        raw(job.text), nullptr, raw(job.text), job.length, raw(job.tag), raw(job.aad),
        job.aad_length, job.nonce.data(), raw(job.key->schedule().data()));
    authentic |= std::uint64_t{refused == 0} << i;
  }
  return authentic;
}

}  // namespace gotthard::crypto
