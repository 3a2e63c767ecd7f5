#include "crypto/portable/gcm.h"

#include <algorithm>
#include <utility>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"

namespace gotthard::crypto {
namespace {

using RawKey = std::array<std::byte, 32>;

constexpr int kTag = 16;

bool authenticate(EVP_CIPHER_CTX* context, const unsigned char* bytes, std::size_t length) {
  int done = 0;
  return length == 0 ||
         EVP_CipherUpdate(context, nullptr, &done, bytes, static_cast<int>(length)) == 1;
}

bool transform(EVP_CIPHER_CTX* context, const AeadJob& job) {
  int done = 0;
  return job.length == 0 || EVP_CipherUpdate(context, raw(job.text), &done, raw(job.text),
                                             static_cast<int>(job.length)) == 1;
}

// All that the tag covers, in order; the text is encrypted or decrypted on the way.
bool process(EVP_CIPHER_CTX* context, const AeadJob& job) {
  if (context == nullptr || !authenticate(context, raw(job.aad), job.aad_length)) {
    return false;
  }
  if (family_of(job.key->suite()) == Family::aes_gcm) {
    return transform(context, job);
  }
  return authenticate(context, job.nonce.data() + 4, 8) &&
         authenticate(context, raw(job.text), job.length);
}

}  // namespace

Result<PortableGcm> PortableGcm::create() {
  auto aes128 = CipherContext::create(algorithms().aes_gcm[0]);
  auto aes192 = CipherContext::create(algorithms().aes_gcm[1]);
  auto aes256 = CipherContext::create(algorithms().aes_gcm[2]);
  if (!aes128 || !aes192 || !aes256) {
    return tl::unexpected((!aes128 ? aes128 : !aes192 ? aes192 : aes256).error());
  }
  return PortableGcm({std::move(*aes128), std::move(*aes192), std::move(*aes256)});
}

void PortableGcm::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) noexcept {
  std::copy(key.begin(), key.end(), out.set<RawKey>(suite).begin());
}

EVP_CIPHER_CTX* PortableGcm::start(const AeadJob& job, Direction direction) noexcept {
  const std::size_t size = cipher_key_size(job.key->suite());
  return contexts_[size / 8 - 2].start(job.key, std::span(job.key->schedule<RawKey>()).first(size),
                                       direction, job.nonce.data());
}

void PortableGcm::seal(const AeadJob& job) noexcept {
  EVP_CIPHER_CTX* context = start(job, Direction::seal);
  int done = 0;
  require(process(context, job) && EVP_CipherFinal_ex(context, nullptr, &done) == 1 &&
              EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTag, job.tag) == 1,
          "AES-GCM");
}

bool PortableGcm::open(const AeadJob& job) noexcept {
  EVP_CIPHER_CTX* context = start(job, Direction::open);
  int done = 0;
  return process(context, job) &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTag, job.tag) == 1 &&
         EVP_CipherFinal_ex(context, nullptr, &done) == 1;
}

void PortableGcm::forget() noexcept {
  for (CipherContext& context : contexts_) {
    context.forget();
  }
}

}  // namespace gotthard::crypto
