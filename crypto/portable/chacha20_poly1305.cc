#include "crypto/portable/chacha20_poly1305.h"

#include <sodium.h>

#include <algorithm>

#include "crypto/bytes.h"

namespace gotthard::crypto::sodium {

void expand(Suite suite, std::span<const std::byte> key, AeadKey& out) noexcept {
  std::copy(key.begin(), key.end(), out.set<ChaChaKey>(suite).begin());
}

void seal(const AeadJob& job) noexcept {
  crypto_aead_chacha20poly1305_ietf_encrypt_detached(
      raw(job.text), raw(job.tag), nullptr, raw(job.text), job.length, raw(job.aad), job.aad_length,
      nullptr, job.nonce.data(), raw(job.key->schedule<ChaChaKey>().data()));
}

bool open(const AeadJob& job) noexcept {
  return crypto_aead_chacha20poly1305_ietf_decrypt_detached(
             raw(job.text), nullptr, raw(job.text), job.length, raw(job.tag), raw(job.aad),
             job.aad_length, job.nonce.data(), raw(job.key->schedule<ChaChaKey>().data())) == 0;
}

}  // namespace gotthard::crypto::sodium
