#include "crypto/wide/chacha20_lanes.h"
#include "crypto/wide/poly1305_avx512.h"

namespace gotthard::crypto::wide {
namespace {

static_assert(kChaChaLongestAad == Poly8::kLongestAad);

constexpr std::uint32_t kGroup = 8;

// Poly1305 goes over the batch in groups of eight: behind the cipher when sealing, ahead of it when
// opening. So it finds in the cache what the other has just touched.
class Batch {
 public:
  Batch(const AeadJob* jobs, const std::uint8_t* order, std::uint32_t count)
      : jobs_(jobs), order_(order), count_(count), lanes_(jobs, order, count) {}
  ~Batch() {
    for (std::uint32_t i = 0; i < count_; ++i) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(keys_[i].bytes), _mm256_setzero_si256());
    }
    asm volatile("" : : "r"(keys_) : "memory");
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void seal() {
    while (next_unit()) {
      lanes_.apply();
      while (hashed_ < count_ && group_end() <= lanes_.packets_done()) {
        hash<false>();
      }
    }
    // Empty texts have no block.
    while (hashed_ < count_) {
      hash<false>();
    }
  }
  std::uint64_t open() {
    while (next_unit()) {
      while (hashed_ < lanes_.packets_begun()) {
        hash<true>();
      }
      lanes_.apply();
    }
    while (hashed_ < count_) {
      hash<true>();
    }
    return authentic_;
  }

 private:
  [[nodiscard]] std::uint32_t group_end() const {
    return hashed_ + kGroup < count_ ? hashed_ + kGroup : count_;
  }
  bool next_unit() {
    if (lanes_.next_unit() == 0) {
      return false;
    }
    lanes_.run_rounds();
    lanes_.keys([this](std::uint32_t i, __m256i key) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(keys_[i].bytes), key);
    });
    return true;
  }
  template <bool kOpen>
  void hash() {
    const std::uint32_t end = group_end();
    __m128i tags[kGroup];
    Poly8::tags(jobs_, order_ + hashed_, static_cast<int>(end - hashed_), keys_ + hashed_, tags);
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
  std::uint64_t authentic_ = 0;
  ChaChaLanes lanes_;
  PolyKey keys_[kMaxBatch];
};

void seal(const AeadJob* jobs, const std::uint8_t* order, std::size_t count) noexcept {
  Batch(jobs, order, static_cast<std::uint32_t>(count)).seal();
}

std::uint64_t open(const AeadJob* jobs, const std::uint8_t* order, std::size_t count) noexcept {
  const std::uint64_t authentic = Batch(jobs, order, static_cast<std::uint32_t>(count)).open();
  for (std::size_t i = 0; i < count; ++i) {
    if ((authentic >> i & 1) == 0) {
      std::memset(jobs[order[i]].text, 0, jobs[order[i]].length);
    }
  }
  return authentic;
}

}  // namespace

const ChaChaKernel kChaChaAvx512{seal, open};

}  // namespace gotthard::crypto::wide
