#include "crypto/ipsec_mb/chacha20_poly1305.h"

#include <sodium.h>

#include <array>
#include <bit>

#include "crypto/bytes.h"
#include "crypto/portable/chacha20_poly1305.h"

namespace gotthard::crypto::ipsec_mb {
namespace {

using Tag = std::array<std::uint8_t, 16>;

IMB_JOB job_template(IMB_MGR* library, IMB_CIPHER_DIRECTION direction) {
  IMB_JOB job{};
  job.cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
  job.hash_alg = IMB_AUTH_CHACHA20_POLY1305;
  job.cipher_direction = direction;
  // The tag covers the ciphertext both ways.
  job.chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  job.key_len_in_bytes = IMB_KEY_256_BYTES;
  job.iv_len_in_bytes = 12;
  job.auth_tag_output_len_in_bytes = sizeof(Tag);
#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)
  imb_set_session(library, &job);
#else
  static_cast<void>(library);
#endif
  return job;
}

void fill(IMB_JOB& out, const AeadJob& job, void* tag, std::size_t index) {
  out.enc_keys = job.key->schedule<sodium::ChaChaKey>().data();
  out.dec_keys = out.enc_keys;
  out.src = raw(job.text);
  out.dst = raw(job.text);
  out.msg_len_to_cipher_in_bytes = job.length;
  out.msg_len_to_hash_in_bytes = job.length;
  out.iv = job.nonce.data();
  out.auth_tag_output = static_cast<std::uint8_t*>(tag);
  out.u.CHACHA20_POLY1305.aad = job.aad;
  out.u.CHACHA20_POLY1305.aad_len_in_bytes = job.aad_length;
  out.user_data = reinterpret_cast<void*>(index);
}

// `tag_of(i)` says where the tag of job i is written. Bit i: job i was processed. Jobs complete at
// once with this suite; the flush is for a library that queues them.
template <Check check, typename TagOf>
BitSet run(IMB_MGR* library, const IMB_JOB& prepared, const Chosen& jobs, TagOf tag_of) {
  std::array<IMB_JOB*, kMaxBatch> burst;
  const auto count = static_cast<std::uint32_t>(std::popcount(jobs.chosen));
  if (IMB_GET_NEXT_BURST(library, count, burst.data()) != count) {
    return 0;
  }
  std::size_t next = 0;
  for_each(jobs.chosen, [&](std::size_t i) {
    IMB_JOB& job = *burst[next++];
    job = prepared;
    fill(job, jobs.batch[i], tag_of(i), i);
  });
  BitSet processed = 0;
  std::uint32_t left = count;
  std::uint32_t done = check == Check::yes ? IMB_SUBMIT_BURST(library, count, burst.data())
                                           : IMB_SUBMIT_BURST_NOCHECK(library, count, burst.data());
  while (done != 0) {
    for (std::uint32_t i = 0; i < done; ++i) {
      const auto index = reinterpret_cast<std::uintptr_t>(burst[i]->user_data);
      processed |= BitSet{burst[i]->status == IMB_STATUS_COMPLETED} << index;
    }
    left -= done;
    done = left != 0 ? IMB_FLUSH_BURST(library, left, burst.data()) : 0;
  }
  return processed;
}

}  // namespace

ChaCha20Poly1305::ChaCha20Poly1305(IMB_MGR* library)
    : library_(library),
      seal_(job_template(library, IMB_DIR_ENCRYPT)),
      open_(job_template(library, IMB_DIR_DECRYPT)) {}

void ChaCha20Poly1305::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) noexcept {
  sodium::expand(suite, key, out);
}

template <Check check>
void ChaCha20Poly1305::seal(const Chosen& jobs) noexcept {
  const BitSet sealed =
      run<check>(library_, seal_, jobs, [&](std::size_t i) { return jobs.batch[i].tag; });
  // A burst is refused as a whole, before it is touched. No text may leave as it came.
  for_each(jobs.chosen & ~sealed, [&](std::size_t i) { sodium::seal(jobs.batch[i]); });
}

template <Check check>
BitSet ChaCha20Poly1305::open(const Chosen& jobs) noexcept {
  std::array<Tag, kMaxBatch> tags;
  const BitSet opened =
      run<check>(library_, open_, jobs, [&](std::size_t i) { return tags[i].data(); });
  BitSet authentic = 0;
  for_each(opened, [&](std::size_t i) {
    authentic |= BitSet{crypto_verify_16(tags[i].data(), raw(jobs.batch[i].tag)) == 0} << i;
  });
  for_each(jobs.chosen & ~opened,
           [&](std::size_t i) { authentic |= BitSet{sodium::open(jobs.batch[i])} << i; });
  return authentic;
}

template void ChaCha20Poly1305::seal<Check::yes>(const Chosen&) noexcept;
template void ChaCha20Poly1305::seal<Check::no>(const Chosen&) noexcept;
template BitSet ChaCha20Poly1305::open<Check::yes>(const Chosen&) noexcept;
template BitSet ChaCha20Poly1305::open<Check::no>(const Chosen&) noexcept;

}  // namespace gotthard::crypto::ipsec_mb
