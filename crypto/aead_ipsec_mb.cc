#include "crypto/aead_ipsec_mb.h"

#define NO_COMPAT_IMB_API_053  // macros named ENCRYPT, GCM and the like
#include <intel-ipsec-mb.h>
#include <sodium.h>

#include <algorithm>
#include <array>

#include "crypto/aead_portable.h"
#include "crypto/bytes.h"

namespace gotthard::crypto {

// Jobs are templates filled in once; a packet's job is a copy with its own addresses.
struct IpsecMbAead::Manager {
  IMB_MGR* library = nullptr;
  IMB_JOB seal{};
  IMB_JOB open{};
};

void IpsecMbAead::Free::operator()(Manager* manager) const noexcept {
  free_mb_mgr(manager->library);
  delete manager;
}

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
  out.enc_keys = job.key->schedule().data();
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

// Whether the library looks at each job before it starts: 40 cycles a packet, for fields that all
// come from the template and were looked at when the engine was created.
enum class Check { yes, no };

// Runs at most kMaxBatch jobs; `tag_of(i)` says where the tag of job i is written. Bit i: job i was
// processed. Jobs complete at once with this suite; the flush is for a library that queues them.
template <Check check, typename TagOf>
std::uint64_t run(IMB_MGR* library, const IMB_JOB& prepared, std::span<const AeadJob> jobs,
                  TagOf tag_of) {
  std::array<IMB_JOB*, kMaxBatch> burst;
  const auto count = static_cast<std::uint32_t>(jobs.size());
  if (IMB_GET_NEXT_BURST(library, count, burst.data()) != count) {
    return 0;
  }
  for (std::size_t i = 0; i < count; ++i) {
    *burst[i] = prepared;
    fill(*burst[i], jobs[i], tag_of(i), i);
  }
  std::uint64_t processed = 0;
  std::uint32_t left = count;
  std::uint32_t done = check == Check::yes ? IMB_SUBMIT_BURST(library, count, burst.data())
                                           : IMB_SUBMIT_BURST_NOCHECK(library, count, burst.data());
  while (done != 0) {
    for (std::uint32_t i = 0; i < done; ++i) {
      const auto index = reinterpret_cast<std::uintptr_t>(burst[i]->user_data);
      processed |= std::uint64_t{burst[i]->status == IMB_STATUS_COMPLETED} << index;
    }
    left -= done;
    done = left != 0 ? IMB_FLUSH_BURST(library, left, burst.data()) : 0;
  }
  return processed;
}

// One packet sealed and opened with the library's own checks, against the oracle: templates that
// this version of the library does not want are found here and not in a worker.
bool works(IMB_MGR* library, const IMB_JOB& seal, const IMB_JOB& open) {
  using Text = std::array<std::byte, 80>;
  AeadKey key;
  PortableAead::expand(Suite::chacha20_poly1305, std::array<std::byte, 32>{}, key);
  Text text{};
  Text expected{};
  Tag tag{};
  Tag expected_tag{};
  Tag opened_tag{};
  const auto job = [&key](Text& in_place, Tag& out) {
    return AeadJob{.key = &key,
                   .text = in_place.data(),
                   .length = sizeof(Text),
                   .tag = writable_bytes_of(out).data()};
  };
  const AeadJob ours = job(text, tag);
  const AeadJob oracle = job(expected, expected_tag);
  PortableAead::seal({&oracle, 1});
  const bool sealed =
      run<Check::yes>(library, seal, {&ours, 1}, [&](std::size_t) { return tag.data(); }) == 1 &&
      text == expected && tag == expected_tag;
  return sealed &&
         run<Check::yes>(library, open, {&ours, 1},
                         [&](std::size_t) { return opened_tag.data(); }) == 1 &&
         text == Text{} && opened_tag == tag;
}

bool has(std::uint64_t set, std::size_t bit) { return (set >> bit & 1) != 0; }

std::uint64_t first_bits(std::size_t count) { return ~std::uint64_t{0} >> (64 - count); }

}  // namespace

Result<IpsecMbAead> IpsecMbAead::create() {
  std::unique_ptr<Manager, Free> manager(new Manager);
  manager->library = alloc_mb_mgr(0);
  if (manager->library == nullptr) {
    return fail("no memory for the ipsec_mb AEAD; use --aead portable or free some memory");
  }
  IMB_ARCH arch = IMB_ARCH_NONE;
  init_mb_mgr_auto(manager->library, &arch);
  if (const int error = imb_get_errno(manager->library); error != 0 || arch == IMB_ARCH_NONE) {
    return fail("the ipsec_mb AEAD does not run on this machine ({}); use --aead portable",
                error != 0 ? imb_get_strerror(error) : "no implementation for this CPU");
  }
  manager->seal = job_template(manager->library, IMB_DIR_ENCRYPT);
  manager->open = job_template(manager->library, IMB_DIR_DECRYPT);
  if (!works(manager->library, manager->seal, manager->open)) {
    return fail(
        "the ipsec_mb AEAD of this machine's library {} computes wrong results; use --aead "
        "portable",
        imb_get_version_str());
  }
  return IpsecMbAead(std::move(manager));
}

void IpsecMbAead::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) noexcept {
  out.suite_ = suite;
  std::copy(key.begin(), key.end(), out.schedule_.bytes().begin());
}

void IpsecMbAead::seal(std::span<const AeadJob> jobs) noexcept {
  for (; !jobs.empty(); jobs = jobs.subspan(std::min(jobs.size(), kMaxBatch))) {
    const auto batch = jobs.first(std::min(jobs.size(), kMaxBatch));
    const std::uint64_t sealed = run<Check::no>(manager_->library, manager_->seal, batch,
                                                [&](std::size_t i) { return batch[i].tag; });
    // A burst is refused as a whole, before it is touched. No text may leave as it came.
    for (std::size_t i = 0; sealed != first_bits(batch.size()) && i < batch.size(); ++i) {
      if (!has(sealed, i)) {
        PortableAead::seal(batch.subspan(i, 1));
      }
    }
  }
}

std::uint64_t IpsecMbAead::open(std::span<const AeadJob> jobs) noexcept {
  if (jobs.empty()) {
    return 0;
  }
  std::array<Tag, kMaxBatch> tags;
  const std::uint64_t opened = run<Check::no>(manager_->library, manager_->open, jobs,
                                              [&](std::size_t i) { return tags[i].data(); });
  std::uint64_t authentic = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (has(opened, i)) {
      authentic |= std::uint64_t{crypto_verify_16(tags[i].data(), raw(jobs[i].tag)) == 0} << i;
    } else {
      authentic |= PortableAead::open(jobs.subspan(i, 1)) << i;
    }
  }
  return authentic;
}

}  // namespace gotthard::crypto
