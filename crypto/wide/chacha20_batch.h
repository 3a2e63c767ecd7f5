// What chacha20_poly1305_avx512.cc and chacha20_poly1305_avx2.cc have in common: batches as units
// of key stream and groups of tags.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "crypto/aead_key.h"
#include "crypto/wide/chacha20_lanes.h"
#include "crypto/wide/chacha20_poly1305.h"
#include "crypto/wide/poly1305_heads.h"

namespace gotthard::crypto::wide {
namespace {

static_assert(kChaChaLongestAad <= 16, "Poly1305 takes a block of it");

// Poly1305 goes over the batch in groups: behind the cipher when sealing, ahead of it when opening.
// Of long texts the heads are hashed before, in the shadow of the cipher's rounds, as far as these
// go. V: LanesAvx512 or LanesAvx2. Poly: PolyVectors or PolyPairs.
template <typename V, typename Poly, bool kOpen>
class Batch {
 public:
  Batch(const AeadJob* jobs, const std::uint8_t* order, std::uint32_t count)
      : jobs_(jobs),
        order_(order),
        count_(count),
        lanes_(jobs, order, count),
        heads_(jobs, order, count, keys_) {}
  ~Batch() {
    for (std::uint32_t i = 0; i < count_; ++i) {
      keys_[i] = {};
    }
    asm volatile("" : : "r"(keys_) : "memory");
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void seal() {
    while (lanes_.next_unit()) {
      run_unit(sealed_);
      lanes_.apply();
      sealed_ = lanes_.packets_done();
      while (hashed_ < count_ && group_end() <= heads_.done()) {
        hash();
      }
    }
    while (hashed_ < count_) {
      hash();
    }
  }
  std::uint64_t open() {
    while (lanes_.next_unit()) {
      const std::uint32_t begun = lanes_.packets_begun();
      heads_.leave((begun + kGroup - 1) / kGroup * kGroup);
      run_unit(keyed_);
      keyed_ = lanes_.keys_done();
      while (hashed_ < begun) {
        hash();
      }
      lanes_.apply();
    }
    while (hashed_ < count_) {
      hash();
    }
    return authentic_;
  }

 private:
  static constexpr std::uint32_t kGroup = Poly::kGroup;

  [[nodiscard]] std::uint32_t group_end() const {
    return hashed_ + kGroup < count_ ? hashed_ + kGroup : count_;
  }
  // Heads of packets before `ready` are hashed beside.
  void run_unit(std::uint32_t ready) {
    PolyRun* run = lanes_.both_sets() ? heads_.next_run(ready) : nullptr;
    if (run != nullptr) {
      lanes_.run_rounds(run);
      heads_.take_sums();
    } else {
      lanes_.run_rounds();
    }
    lanes_.keys([this](std::uint32_t i, __m256i key) { V::store_wide(&keys_[i], key); });
  }
  void hash() {
    const std::uint32_t end = group_end();
    heads_.leave(end);
    __m128i tags[kGroup];
    Poly::tags(jobs_, order_ + hashed_, end - hashed_, keys_ + hashed_, tags);
    for (std::uint32_t i = hashed_; i < end; ++i) {
      auto* place = reinterpret_cast<__m128i*>(jobs_[order_[i]].tag);
      const __m128i tag = tags[i - hashed_];
      if constexpr (kOpen) {
        const __m128i difference = _mm_xor_si128(tag, _mm_loadu_si128(place));
        authentic_ |= static_cast<std::uint64_t>(_mm_testz_si128(difference, difference)) << i;
      } else {
        _mm_storeu_si128(place, tag);
      }
    }
    hashed_ = end;
  }

  const AeadJob* jobs_;
  const std::uint8_t* order_;
  std::uint32_t count_;
  std::uint32_t hashed_ = 0;
  std::uint32_t sealed_ = 0;  // packets in the units so far
  std::uint32_t keyed_ = 0;   // packets that have keys
  std::uint64_t authentic_ = 0;
  ChaChaLanes<V, kOpen> lanes_;
  PolyHeads<Poly, kOpen> heads_;
  PolyKey keys_[kMaxBatch];
};

template <typename V, typename Poly>
void seal_batch(const AeadJob* jobs, const std::uint8_t* order, std::size_t count) noexcept {
  // The longest first: their heads are hashed while the others are encrypted.
  std::uint8_t longest_first[kMaxBatch];
  for (std::size_t i = 0; i < count; ++i) {
    longest_first[i] = order[count - 1 - i];
  }
  Batch<V, Poly, false>(jobs, longest_first, static_cast<std::uint32_t>(count)).seal();
}

template <typename V, typename Poly>
std::uint64_t open_batch(const AeadJob* jobs, const std::uint8_t* order,
                         std::size_t count) noexcept {
  const std::uint64_t authentic =
      Batch<V, Poly, true>(jobs, order, static_cast<std::uint32_t>(count)).open();
  for (std::size_t i = 0; i < count; ++i) {
    if ((authentic >> i & 1) == 0) {
      std::memset(jobs[order[i]].text, 0, jobs[order[i]].length);
    }
  }
  return authentic;
}

}  // namespace
}  // namespace gotthard::crypto::wide
