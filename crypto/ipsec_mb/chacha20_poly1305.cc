#include "crypto/ipsec_mb/chacha20_poly1305.h"

#include <sodium.h>

#include <array>

#include "crypto/bytes.h"
#include "crypto/ipsec_mb/job_burst.h"
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

void fill(IMB_JOB& out, const IMB_JOB& prepared, const AeadJob& job, void* tag) {
  begin(out, prepared);
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
  const BitSet sealed = run_burst<check>(library_, jobs.chosen, [&](IMB_JOB& job, std::size_t i) {
    fill(job, seal_, jobs.batch[i], jobs.batch[i].tag);
  });
  // No text may leave as it came.
  for_each(jobs.chosen & ~sealed, [&](std::size_t i) { sodium::seal(jobs.batch[i]); });
}

template <Check check>
BitSet ChaCha20Poly1305::open(const Chosen& jobs) noexcept {
  std::array<Tag, kMaxBatch> tags;
  const BitSet opened = run_burst<check>(library_, jobs.chosen, [&](IMB_JOB& job, std::size_t i) {
    fill(job, open_, jobs.batch[i], tags[i].data());
  });
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
