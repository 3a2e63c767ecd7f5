#include "crypto/portable/cbc_hmac.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/cbc_hmac.h"
#include "crypto/portable/hmac.h"
#include "crypto/secret.h"

namespace gotthard::crypto {
namespace {

struct Schedule {
  std::array<std::byte, 32> cipher;
  HmacKey mac;
};

Sha2 hash_of(Suite suite) {
  const std::size_t size = mac_key_size(suite);
  return size == 32 ? Sha2::sha256 : size == 48 ? Sha2::sha384 : Sha2::sha512;
}

HmacDigest mac(const AeadJob& job) {
  const EspOrder order = esp_order(job);
  const std::array<std::span<const std::byte>, 3> parts{
      std::span(order.header), std::span(iv_and_text(job), iv_and_text_size(job)),
      std::span(order.high).first(order.high_size)};
  return hmac(job.key->schedule<Schedule>().mac, parts);
}

bool transform(EVP_CIPHER_CTX* context, std::byte* bytes, std::size_t length) {
  int done = 0;
  return context != nullptr &&
         (length == 0 || (EVP_CipherUpdate(context, raw(bytes), &done, raw(bytes),
                                           static_cast<int>(length)) == 1 &&
                          static_cast<std::size_t>(done) == length));
}

}  // namespace

Result<PortableCbcHmac> PortableCbcHmac::create() {
  auto aes128 = CipherContext::create(algorithms().aes_cbc[0]);
  auto aes192 = CipherContext::create(algorithms().aes_cbc[1]);
  auto aes256 = CipherContext::create(algorithms().aes_cbc[2]);
  if (!aes128 || !aes192 || !aes256) {
    return tl::unexpected((!aes128 ? aes128 : !aes192 ? aes192 : aes256).error());
  }
  return PortableCbcHmac({std::move(*aes128), std::move(*aes192), std::move(*aes256)});
}

void PortableCbcHmac::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) noexcept {
  Schedule& schedule = out.set<Schedule>(suite);
  const std::size_t size = cipher_key_size(suite);
  std::copy_n(key.begin(), size, schedule.cipher.begin());
  expand_hmac(hash_of(suite), key.subspan(size), schedule.mac);
}

EVP_CIPHER_CTX* PortableCbcHmac::start(const AeadJob& job, Direction direction,
                                       const unsigned char* iv) noexcept {
  const std::size_t size = cipher_key_size(job.key->suite());
  const auto& key = job.key->schedule<Schedule>().cipher;
  return contexts_[size / 8 - 2].start(job.key, std::span(key).first(size), direction, iv);
}

void PortableCbcHmac::seal(const AeadJob& job) noexcept {
  require_cbc_hmac(job);
  put_nonce(job);
  EVP_CIPHER_CTX* context = start(job, Direction::seal, kZeroIv.data());
  require(transform(context, iv_and_text(job), iv_and_text_size(job)), "AES-CBC");
  const HmacDigest digest = mac(job);
  std::copy_n(digest.begin(), tag_size(job.key->suite()), job.tag);
}

bool PortableCbcHmac::open(const AeadJob& job) noexcept {
  if (!fits_cbc_hmac(job)) {
    return false;
  }
  const std::size_t size = tag_size(job.key->suite());
  const HmacDigest digest = mac(job);
  return equal(std::span(digest).first(size), {job.tag, size}) &&
         transform(start(job, Direction::open, raw(iv_and_text(job))), job.text, job.length);
}

void PortableCbcHmac::forget() noexcept {
  for (CipherContext& context : contexts_) {
    context.forget();
  }
}

}  // namespace gotthard::crypto
