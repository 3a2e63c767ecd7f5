#include "crypto/ipsec_mb/cbc_hmac.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <optional>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/cbc_hmac.h"
#include "crypto/secret.h"

namespace gotthard::crypto::ipsec_mb {
namespace {

// Round keys of both directions; the hash's states after the block of the key, for the inner and
// the outer hash of HMAC.
struct Schedule {
  alignas(16) std::array<std::uint8_t, 15 * 16> encrypt;
  alignas(16) std::array<std::uint8_t, 15 * 16> decrypt;
  alignas(64) std::array<std::uint8_t, 64> inner;
  alignas(64) std::array<std::uint8_t, 64> outer;
};

struct HashCalls {
  IMB_HASH_ALG algorithm;
  std::size_t block;
  hash_one_block_t one_block;
};

HashCalls hash_of(const IMB_MGR& m, Suite suite) {
  switch (mac_key_size(suite)) {
    case 32:
      return {IMB_AUTH_HMAC_SHA_256, IMB_SHA_256_BLOCK_SIZE, m.sha256_one_block};
    case 48:
      return {IMB_AUTH_HMAC_SHA_384, IMB_SHA_384_BLOCK_SIZE, m.sha384_one_block};
    default:
      return {IMB_AUTH_HMAC_SHA_512, IMB_SHA_512_BLOCK_SIZE, m.sha512_one_block};
  }
}

// RFC 2104: the key, filled up with zeroes to a block, each byte with `pad`.
void one_block(const HashCalls& hash, std::span<const std::byte> key, std::byte pad, void* state) {
  Secret<IMB_SHA_512_BLOCK_SIZE> block;
  const auto bytes = block.bytes().first(hash.block);
  std::fill(bytes.begin(), bytes.end(), pad);
  std::transform(key.begin(), key.end(), bytes.begin(), bytes.begin(), std::bit_xor<>());
  hash.one_block(bytes.data(), state);
}

// What the MAC covers, in one stretch as the library wants it: the header and, for extended
// numbers, their high half in the place of the tag. The header is put back at the end of its scope,
// and what stood after the text too.
class InEspOrder {
 public:
  explicit InEspOrder(const AeadJob& job) : job_(&job), order_(esp_order(job)) {
    std::memcpy(header_.data(), begin(), header_.size());
    std::memcpy(begin(), order_.header.data(), header_.size());
    std::memcpy(after_.data(), end(), order_.high_size);
    std::memcpy(end(), order_.high.data(), order_.high_size);
  }
  void restore() {
    std::memcpy(begin(), header_.data(), header_.size());
    std::memcpy(end(), after_.data(), order_.high_size);
  }
  [[nodiscard]] std::byte* begin() const { return iv_and_text(*job_) - kEspHeader; }
  [[nodiscard]] std::size_t size() const {
    return kEspHeader + iv_and_text_size(*job_) + order_.high_size;
  }

 private:
  [[nodiscard]] std::byte* end() const { return job_->text + job_->length; }

  const AeadJob* job_;
  EspOrder order_;
  std::array<std::byte, kEspHeader> header_;
  std::array<std::byte, 4> after_;
};

// The chosen jobs that need the same call of the library: same key size of the cipher or the MAC.
template <typename SizeOf>
BitSet alike(const Chosen& jobs, BitSet left, SizeOf size_of) {
  const std::size_t size = size_of(jobs.batch[std::countr_zero(left)].key->suite());
  BitSet result = 0;
  for_each(left, [&](std::size_t i) {
    result |= BitSet{size_of(jobs.batch[i].key->suite()) == size} << i;
  });
  return result;
}

}  // namespace

void CbcHmac::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const noexcept {
  Schedule& schedule = out.set<Schedule>(suite);
  const std::size_t size = cipher_key_size(suite);
  const keyexp_t expand_cipher = size == 16   ? library_->keyexp_128
                                 : size == 24 ? library_->keyexp_192
                                              : library_->keyexp_256;
  expand_cipher(key.data(), schedule.encrypt.data(), schedule.decrypt.data());
  const HashCalls hash = hash_of(*library_, suite);
  one_block(hash, key.subspan(size), std::byte{0x36}, schedule.inner.data());
  one_block(hash, key.subspan(size), std::byte{0x5c}, schedule.outer.data());
}

template <Check check>
BitSet CbcHmac::cipher(const Chosen& jobs, IMB_CIPHER_DIRECTION direction) noexcept {
  BitSet done = 0;
  for (BitSet left = jobs.chosen; left != 0;) {
    const BitSet now = alike(jobs, left, cipher_key_size);
    left &= ~now;
    std::uint32_t count = 0;
    std::size_t key_size = 0;
    for_each(now, [&](std::size_t i) {
      const AeadJob& job = jobs.batch[i];
      const auto& schedule = job.key->schedule<Schedule>();
      const bool encrypts = direction == IMB_DIR_ENCRYPT;
      std::byte* begin = encrypts ? iv_and_text(job) : job.text;
      key_size = cipher_key_size(job.key->suite());
      IMB_JOB& out = jobs_[count++];
      out = IMB_JOB{};
      out.cipher_mode = IMB_CIPHER_CBC;
      out.cipher_direction = direction;
      out.hash_alg = IMB_AUTH_NULL;
      out.chain_order = IMB_ORDER_CIPHER_HASH;
      out.key_len_in_bytes = key_size;
      out.enc_keys = schedule.encrypt.data();
      out.dec_keys = schedule.decrypt.data();
      out.src = raw(begin);
      out.dst = raw(begin);
      out.msg_len_to_cipher_in_bytes = encrypts ? iv_and_text_size(job) : job.length;
      out.iv = encrypts ? kZeroIv.data() : raw(iv_and_text(job));
      out.iv_len_in_bytes = kCbcIv;
    });
    const auto submit =
        check == Check::yes ? library_->submit_cipher_burst : library_->submit_cipher_burst_nocheck;
    if (submit(library_, jobs_.data(), count, IMB_CIPHER_CBC, direction,
               static_cast<IMB_KEY_SIZE_BYTES>(key_size)) == count) {
      done |= now;
    }
  }
  return done;
}

template <Check check>
BitSet CbcHmac::mac(const Chosen& jobs, Digests& digests) noexcept {
  BitSet done = 0;
  for (BitSet left = jobs.chosen; left != 0;) {
    const BitSet now = alike(jobs, left, mac_key_size);
    left &= ~now;
    std::array<std::optional<InEspOrder>, kMaxBatch> orders;
    std::uint32_t count = 0;
    IMB_HASH_ALG algorithm = IMB_AUTH_NULL;
    for_each(now, [&](std::size_t i) {
      const AeadJob& job = jobs.batch[i];
      const auto& schedule = job.key->schedule<Schedule>();
      algorithm = hash_of(*library_, job.key->suite()).algorithm;
      orders[i].emplace(job);
      IMB_JOB& out = jobs_[count++];
      out = IMB_JOB{};
      out.cipher_mode = IMB_CIPHER_NULL;
      out.hash_alg = algorithm;
      out.chain_order = IMB_ORDER_HASH_CIPHER;
      out.src = raw(orders[i]->begin());
      out.msg_len_to_hash_in_bytes = orders[i]->size();
      out.auth_tag_output = raw(digests[i].data());
      out.auth_tag_output_len_in_bytes = tag_size(job.key->suite());
      out.u.HMAC._hashed_auth_key_xor_ipad = schedule.inner.data();
      out.u.HMAC._hashed_auth_key_xor_opad = schedule.outer.data();
    });
    const auto submit =
        check == Check::yes ? library_->submit_hash_burst : library_->submit_hash_burst_nocheck;
    if (submit(library_, jobs_.data(), count, algorithm) == count) {
      done |= now;
    }
    for_each(now, [&](std::size_t i) { orders[i]->restore(); });
  }
  return done;
}

template <Check check>
void CbcHmac::seal(const Chosen& jobs) noexcept {
  for_each(jobs.chosen, [&](std::size_t i) {
    require_cbc_hmac(jobs.batch[i]);
    put_nonce(jobs.batch[i]);
  });
  Digests digests;
  require(cipher<check>(jobs, IMB_DIR_ENCRYPT) == jobs.chosen &&
              mac<check>(jobs, digests) == jobs.chosen,
          "ipsec_mb: a burst of AES-CBC with HMAC");
  for_each(jobs.chosen, [&](std::size_t i) {
    const AeadJob& job = jobs.batch[i];
    std::copy_n(digests[i].begin(), tag_size(job.key->suite()), job.tag);
  });
}

template <Check check>
BitSet CbcHmac::open(const Chosen& jobs) noexcept {
  BitSet fitting = 0;
  for_each(jobs.chosen,
           [&](std::size_t i) { fitting |= BitSet{fits_cbc_hmac(jobs.batch[i])} << i; });
  Digests digests;
  const BitSet hashed = mac<check>({jobs.batch, fitting}, digests);
  BitSet authentic = 0;
  for_each(hashed, [&](std::size_t i) {
    const AeadJob& job = jobs.batch[i];
    const std::size_t size = tag_size(job.key->suite());
    authentic |= BitSet{equal(std::span(digests[i]).first(size), {job.tag, size})} << i;
  });
  BitSet with_text = 0;
  for_each(authentic, [&](std::size_t i) { with_text |= BitSet{jobs.batch[i].length != 0} << i; });
  return (authentic & ~with_text) | cipher<check>({jobs.batch, with_text}, IMB_DIR_DECRYPT);
}

template void CbcHmac::seal<Check::yes>(const Chosen&) noexcept;
template void CbcHmac::seal<Check::no>(const Chosen&) noexcept;
template BitSet CbcHmac::open<Check::yes>(const Chosen&) noexcept;
template BitSet CbcHmac::open<Check::no>(const Chosen&) noexcept;

}  // namespace gotthard::crypto::ipsec_mb
