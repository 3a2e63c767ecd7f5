// A burst of the library's jobs: what all suites that go by jobs have in common.
#pragma once

#include <array>
#include <bit>

#include "crypto/ipsec_mb/library.h"

namespace gotthard::crypto::ipsec_mb {

// What all packets of a suite and direction have in common, from a template. Field by field where
// the fields are known: a copy of the whole takes eight cycles more.
inline void begin(IMB_JOB& out, const IMB_JOB& prepared) {
#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)
  out = prepared;  // with what imb_set_session() wrote
#else
  out.cipher_mode = prepared.cipher_mode;
  out.hash_alg = prepared.hash_alg;
  out.cipher_direction = prepared.cipher_direction;
  out.chain_order = prepared.chain_order;
  out.key_len_in_bytes = prepared.key_len_in_bytes;
  out.iv_len_in_bytes = prepared.iv_len_in_bytes;
  out.auth_tag_output_len_in_bytes = prepared.auth_tag_output_len_in_bytes;
  out.cipher_start_src_offset_in_bytes = 0;
  out.hash_start_src_offset_in_bytes = 0;
#endif
}

// `fill(job, i)` makes the library's job of job i. Bit i: job i was processed. A burst is refused
// as a whole, before it is touched. Jobs of AEADs complete at once; the flush is for a library that
// queues them.
template <Check check, typename Fill>
[[nodiscard]] BitSet run_burst(IMB_MGR* library, BitSet chosen, Fill fill) noexcept {
  std::array<IMB_JOB*, kMaxBatch> burst;
  const auto count = static_cast<std::uint32_t>(std::popcount(chosen));
  if (IMB_GET_NEXT_BURST(library, count, burst.data()) != count) {
    return 0;
  }
  std::size_t next = 0;
  for_each(chosen, [&](std::size_t i) {
    IMB_JOB& job = *burst[next++];
    fill(job, i);
    job.user_data = reinterpret_cast<void*>(i);
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

}  // namespace gotthard::crypto::ipsec_mb
