#include "crypto/ipsec_mb/gcm.h"

#include <sodium.h>

#include <array>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/ipsec_mb/job_burst.h"

namespace gotthard::crypto::ipsec_mb {
namespace {

using Tag = std::array<std::uint8_t, 16>;

// The library's calls for one key length.
struct Calls {
  aes_gcm_pre_t expand;
  aes_gmac_init_t mac_init;
  aes_gmac_update_t mac_update;
  aes_gmac_finalize_t mac_finalize;
};

Calls calls_of(const IMB_MGR& m, Suite suite) {
  switch (cipher_key_size(suite)) {
    case 16:
      return {m.gcm128_pre, m.gmac128_init, m.gmac128_update, m.gmac128_finalize};
    case 24:
      return {m.gcm192_pre, m.gmac192_init, m.gmac192_update, m.gmac192_finalize};
    default:
      return {m.gcm256_pre, m.gmac256_init, m.gmac256_update, m.gmac256_finalize};
  }
}

void mac(const Calls& calls, const AeadJob& job, std::uint8_t* tag) {
  const auto* key = &job.key->schedule<gcm_key_data>();
  gcm_context_data context;
  calls.mac_init(key, &context, job.nonce.data(), job.nonce.size());
  if (job.aad_length != 0) {
    calls.mac_update(key, &context, raw(job.aad), job.aad_length);
  }
  calls.mac_update(key, &context, job.nonce.data() + 4, 8);
  if (job.length != 0) {
    calls.mac_update(key, &context, raw(job.text), job.length);
  }
  calls.mac_finalize(key, &context, tag, sizeof(Tag));
}

IMB_JOB job_template(IMB_MGR* library, IMB_CIPHER_DIRECTION direction, std::size_t key_size) {
  IMB_JOB job{};
  job.cipher_mode = IMB_CIPHER_GCM;
  job.hash_alg = IMB_AUTH_AES_GMAC;
  job.cipher_direction = direction;
  job.chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  job.key_len_in_bytes = key_size;
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
  out.enc_keys = &job.key->schedule<gcm_key_data>();
  out.dec_keys = out.enc_keys;
  out.src = raw(job.text);
  out.dst = raw(job.text);
  out.msg_len_to_cipher_in_bytes = job.length;
  out.msg_len_to_hash_in_bytes = job.length;
  out.iv = job.nonce.data();
  out.auth_tag_output = static_cast<std::uint8_t*>(tag);
  out.u.GCM.aad = job.aad;
  out.u.GCM.aad_len_in_bytes = job.aad_length;
}

BitSet macs_of(const Chosen& jobs) {
  BitSet result = 0;
  for_each(jobs.chosen, [&](std::size_t i) {
    result |= family_of(jobs.batch[i].key->suite()) == Family::aes_gmac ? bit(i) : 0;
  });
  return result;
}

}  // namespace

Gcm::Gcm(IMB_MGR* library)
    : library_(library),
      seal_{job_template(library, IMB_DIR_ENCRYPT, 16), job_template(library, IMB_DIR_ENCRYPT, 24),
            job_template(library, IMB_DIR_ENCRYPT, 32)},
      open_{job_template(library, IMB_DIR_DECRYPT, 16), job_template(library, IMB_DIR_DECRYPT, 24),
            job_template(library, IMB_DIR_DECRYPT, 32)} {}

void Gcm::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const noexcept {
  calls_of(*library_, suite).expand(key.data(), &out.set<gcm_key_data>(suite));
}

// The tags of all jobs, each where `tag_of(i)` says. A burst that the library refuses would leave
// texts as they came: then nothing may go on.
template <Check check, typename TagOf>
void Gcm::run(const Templates& templates, const Chosen& jobs, TagOf tag_of) noexcept {
  const BitSet macs = macs_of(jobs);
  for_each(macs, [&](std::size_t i) {
    const AeadJob& job = jobs.batch[i];
    mac(calls_of(*library_, job.key->suite()), job, tag_of(i));
  });
  const BitSet ciphers = jobs.chosen & ~macs;
  if (ciphers == 0) {
    return;
  }
  const BitSet done = run_burst<check>(library_, ciphers, [&](IMB_JOB& out, std::size_t i) {
    const AeadJob& job = jobs.batch[i];
    fill(out, templates[cipher_key_size(job.key->suite()) / 8 - 2], job, tag_of(i));
  });
  require(done == ciphers, "AES-GCM");
}

template <Check check>
void Gcm::seal(const Chosen& jobs) noexcept {
  run<check>(seal_, jobs, [&](std::size_t i) { return raw(jobs.batch[i].tag); });
}

template <Check check>
BitSet Gcm::open(const Chosen& jobs) noexcept {
  std::array<Tag, kMaxBatch> tags;
  run<check>(open_, jobs, [&](std::size_t i) { return tags[i].data(); });
  BitSet authentic = 0;
  for_each(jobs.chosen, [&](std::size_t i) {
    authentic |= BitSet{crypto_verify_16(tags[i].data(), raw(jobs.batch[i].tag)) == 0} << i;
  });
  return authentic;
}

template void Gcm::seal<Check::yes>(const Chosen&) noexcept;
template void Gcm::seal<Check::no>(const Chosen&) noexcept;
template BitSet Gcm::open<Check::yes>(const Chosen&) noexcept;
template BitSet Gcm::open<Check::no>(const Chosen&) noexcept;

}  // namespace gotthard::crypto::ipsec_mb
