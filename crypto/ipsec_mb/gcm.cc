#include "crypto/ipsec_mb/gcm.h"

#include <sodium.h>

#include <array>

#include "crypto/bytes.h"

namespace gotthard::crypto::ipsec_mb {
namespace {

using Tag = std::array<std::uint8_t, 16>;

// The library's calls for one key length.
struct Calls {
  aes_gcm_pre_t expand;
  aes_gcm_enc_dec_t seal;
  aes_gcm_enc_dec_t open;
  aes_gmac_init_t mac_init;
  aes_gmac_update_t mac_update;
  aes_gmac_finalize_t mac_finalize;
};

Calls calls_of(const IMB_MGR& m, Suite suite) {
  switch (cipher_key_size(suite)) {
    case 16:
      return {m.gcm128_pre,   m.gcm128_enc,     m.gcm128_dec,
              m.gmac128_init, m.gmac128_update, m.gmac128_finalize};
    case 24:
      return {m.gcm192_pre,   m.gcm192_enc,     m.gcm192_dec,
              m.gmac192_init, m.gmac192_update, m.gmac192_finalize};
    default:
      return {m.gcm256_pre,   m.gcm256_enc,     m.gcm256_dec,
              m.gmac256_init, m.gmac256_update, m.gmac256_finalize};
  }
}

void mac(const Calls& calls, const gcm_key_data* key, const AeadJob& job, std::uint8_t* tag) {
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

void run(const IMB_MGR& library, const AeadJob& job, aes_gcm_enc_dec_t Calls::*direction,
         std::uint8_t* tag) {
  const Suite suite = job.key->suite();
  const Calls calls = calls_of(library, suite);
  const auto* key = &job.key->schedule<gcm_key_data>();
  if (family_of(suite) == Family::aes_gmac) {
    return mac(calls, key, job, tag);
  }
  gcm_context_data context;
  (calls.*direction)(key, &context, raw(job.text), raw(job.text), job.length, job.nonce.data(),
                     raw(job.aad), job.aad_length, tag, sizeof(Tag));
}

}  // namespace

void Gcm::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const noexcept {
  calls_of(*library_, suite).expand(key.data(), &out.set<gcm_key_data>(suite));
}

void Gcm::seal(const Chosen& jobs) noexcept {
  for_each(jobs.chosen, [&](std::size_t i) {
    run(*library_, jobs.batch[i], &Calls::seal, raw(jobs.batch[i].tag));
  });
}

BitSet Gcm::open(const Chosen& jobs) noexcept {
  BitSet authentic = 0;
  for_each(jobs.chosen, [&](std::size_t i) {
    Tag tag;
    run(*library_, jobs.batch[i], &Calls::open, tag.data());
    authentic |= BitSet{crypto_verify_16(tag.data(), raw(jobs.batch[i].tag)) == 0} << i;
  });
  return authentic;
}

}  // namespace gotthard::crypto::ipsec_mb
