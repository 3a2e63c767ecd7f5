// The blocks of key stream that a batch of packets needs, 16 to a vector, whichever packets they
// belong to: no lane is left empty at a packet's end, and the blocks that make Poly1305's keys fill
// vectors of their own.
//
//   lanes   block 0 of packet 0, of packet 1, ... of the last packet: Poly1305's keys
//           packet 0: blocks 1, 2, 3 ...; packet 1: blocks 1, 2 ...; ...: the texts
#pragma once

#include <immintrin.h>

#include <cstring>

#include "crypto/aead_key.h"
#include "crypto/wide/chacha20_poly1305.h"
#include "crypto/wide/chacha20_rounds.h"
#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

// 16 words of each of 16 vectors change places: of rows of one word of 16 blocks become 16 blocks.
GOTTHARD_INLINE void transpose_words(__m512i v[16]) {
  __m512i a[16];
  __m512i b[16];
#pragma GCC unroll 4
  for (int g = 0; g < 16; g += 4) {
    a[g] = _mm512_unpacklo_epi32(v[g], v[g + 1]);
    a[g + 1] = _mm512_unpackhi_epi32(v[g], v[g + 1]);
    a[g + 2] = _mm512_unpacklo_epi32(v[g + 2], v[g + 3]);
    a[g + 3] = _mm512_unpackhi_epi32(v[g + 2], v[g + 3]);
    b[g] = _mm512_unpacklo_epi64(a[g], a[g + 2]);
    b[g + 1] = _mm512_unpackhi_epi64(a[g], a[g + 2]);
    b[g + 2] = _mm512_unpacklo_epi64(a[g + 1], a[g + 3]);
    b[g + 3] = _mm512_unpackhi_epi64(a[g + 1], a[g + 3]);
  }
  // Now 128 bits q of b[4 * g + j] are the words 4 * g ... of block 4 * q + j.
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const __m512i p = _mm512_shuffle_i32x4(b[j], b[4 + j], 0x88);
    const __m512i q = _mm512_shuffle_i32x4(b[j], b[4 + j], 0xdd);
    const __m512i r = _mm512_shuffle_i32x4(b[8 + j], b[12 + j], 0x88);
    const __m512i s = _mm512_shuffle_i32x4(b[8 + j], b[12 + j], 0xdd);
    v[j] = _mm512_shuffle_i32x4(p, r, 0x88);
    v[8 + j] = _mm512_shuffle_i32x4(p, r, 0xdd);
    v[4 + j] = _mm512_shuffle_i32x4(q, s, 0x88);
    v[12 + j] = _mm512_shuffle_i32x4(q, s, 0xdd);
  }
}

// What 32 blocks belong to, and their beginnings.
class ChaChaLanes {
 public:
  static constexpr std::uint32_t kUnit = 32;
  // One packet after the other writes its lanes a vector at a time, beyond the last one too.
  static constexpr std::uint32_t kRoom = kUnit + 8;

  ChaChaLanes(const AeadJob* jobs, const std::uint8_t* order, std::uint32_t count)
      : jobs_(jobs), order_(order), count_(count) {
    one_key_ = true;
    for (std::uint32_t i = 1; i < count; ++i) {
      one_key_ = one_key_ && jobs[order[i]].key == jobs[order[0]].key;
    }
    const __m512i constants[4] = {_mm512_set1_epi32(0x61707865), _mm512_set1_epi32(0x3320646e),
                                  _mm512_set1_epi32(0x79622d32), _mm512_set1_epi32(0x6b206574)};
    for (ChaChaWords& set : initial_) {
      for (int i = 0; i < 4; ++i) {
        _mm512_store_si512(set.word[i], constants[i]);
      }
    }
    if (one_key_) {
      const auto& key = jobs[order[0]].key->schedule<ChaChaKey>();
      for (int i = 0; i < 8; ++i) {
        std::uint32_t word;
        std::memcpy(&word, key.bytes + 4 * i, 4);
        for (ChaChaWords& set : initial_) {
          _mm512_store_si512(set.word[4 + i], _mm512_set1_epi32(static_cast<int>(word)));
        }
      }
    }
  }
  // Keys do not stay on the stack.
  ~ChaChaLanes() {
    for (ChaChaWords& set : initial_) {
      for (int i = 4; i < 12; ++i) {
        _mm512_store_si512(set.word[i], _mm512_setzero_si512());
      }
    }
    asm volatile("" : : "r"(initial_) : "memory");
  }
  ChaChaLanes(const ChaChaLanes&) = delete;
  ChaChaLanes& operator=(const ChaChaLanes&) = delete;

  // Fills in the next unit: how many lanes it has; 0 when there are no blocks left.
  std::uint32_t next_unit() {
    std::uint32_t lane = 0;
    while (lane < kUnit && keys_done_ < count_) {
      put(lane, order_[keys_done_], 0, 1, nullptr);
      text_[lane] = nullptr;
      ++keys_done_;
      ++lane;
    }
    key_lanes_ = lane;
    while (lane < kUnit && packet_ < count_) {
      const AeadJob& job = jobs_[order_[packet_]];
      const std::uint32_t blocks = (job.length + 63) / 64;
      std::uint32_t take = blocks - block_;
      take = take < kUnit - lane ? take : kUnit - lane;
      if (take != 0) {
        auto* text = reinterpret_cast<std::uint8_t*>(job.text);
        put(lane, order_[packet_], block_ + 1, take, text + std::size_t{64} * block_);
        lane += take;
        block_ += take;
        left_[lane - 1] = block_ == blocks ? job.length - 64 * (blocks - 1) : 64;
      }
      if (block_ == blocks) {
        ++packet_;
        block_ = 0;
      }
    }
    lanes_ = lane;
    for (std::uint32_t i = key_lanes_; i < lane; ++i) {
      _mm_prefetch(reinterpret_cast<const char*>(text_[i]), _MM_HINT_T0);
    }
    if (lane != 0) {
      gather(0);
      if (lane > 16) {
        gather(1);
      }
    }
    return lane;
  }

  void run_rounds() {
    if (lanes_ > 16) {
      gotthard_chacha20_rounds_2x16(initial_, stream_);
    } else {
      gotthard_chacha20_rounds_16(initial_, stream_);
    }
  }

  // The first so many lanes of this unit make keys: those of `first_key` and the packets after it.
  [[nodiscard]] std::uint32_t key_lanes() const { return key_lanes_; }
  [[nodiscard]] std::uint32_t first_key() const { return keys_done_ - key_lanes_; }
  // Packets whose last block was in this unit or before it.
  [[nodiscard]] std::uint32_t packets_done() const { return packet_; }
  // Packets that have a block in this unit or before it.
  [[nodiscard]] std::uint32_t packets_begun() const { return packet_ + (block_ != 0 ? 1 : 0); }

  // keep(i, key) for each of this unit's keys: i from first_key() on.
  template <typename Keep>
  GOTTHARD_INLINE void keys(Keep keep) {
    for (std::uint32_t set = 0; 16 * set < key_lanes_; ++set) {
      __m512i v[16];
      load(set, v);
      transpose_words(v);
      // Blocks of texts among them wait here.
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        _mm512_store_si512(stream_[set].word[i], v[i]);
      }
      for (std::uint32_t lane = 16 * set; lane < key_lanes_ && lane < 16 * set + 16; ++lane) {
        keep(first_key() + lane, _mm256_load_si256(reinterpret_cast<const __m256i*>(
                                     stream_[set].word[lane - 16 * set])));
      }
    }
  }

  // The key stream goes onto the texts; after keys().
  GOTTHARD_INLINE void apply() {
    for (std::uint32_t set = 0; 16 * set < lanes_; ++set) {
      const std::uint32_t end = lanes_ < 16 * set + 16 ? lanes_ : 16 * set + 16;
      const bool has_keys = 16 * set < key_lanes_;
      if (has_keys && key_lanes_ >= end) {
        continue;
      }
      __m512i v[16];
      if (!has_keys) {
        load(set, v);
        transpose_words(v);
        if (end == 16 * set + 16) {
#pragma GCC unroll 16
          for (std::uint32_t i = 0; i < 16; ++i) {
            add_to_text(16 * set + i, v[i]);
          }
          continue;
        }
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i) {
          _mm512_store_si512(stream_[set].word[i], v[i]);
        }
      }
      for (std::uint32_t lane = has_keys ? key_lanes_ : 16 * set; lane < end; ++lane) {
        add_to_text(lane, _mm512_load_si512(stream_[set].word[lane - 16 * set]));
      }
    }
  }

 private:
  GOTTHARD_INLINE void load(std::uint32_t set, __m512i v[16]) const {
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      v[i] = _mm512_load_si512(stream_[set].word[i]);
    }
  }
  GOTTHARD_INLINE void add_to_text(std::uint32_t lane, __m512i block) {
    std::uint8_t* text = text_[lane];
    if (left_[lane] >= 64) {
      _mm512_storeu_si512(text, _mm512_xor_si512(block, _mm512_loadu_si512(text)));
    } else {
      const __mmask64 mask = _bzhi_u64(~std::uint64_t{0}, left_[lane]);
      _mm512_mask_storeu_epi8(text, mask,
                              _mm512_xor_si512(block, _mm512_maskz_loadu_epi8(mask, text)));
    }
  }

  // `count` lanes for the packet at `index`, from its block `block` on.
  GOTTHARD_INLINE void put(std::uint32_t lane, std::uint8_t index, std::uint32_t block,
                           std::uint32_t count, std::uint8_t* text) {
    const AeadJob& job = jobs_[index];
    std::uint64_t front;
    std::uint32_t back;
    std::memcpy(&front, job.nonce.data(), 8);
    std::memcpy(&back, job.nonce.data() + 8, 4);
    // Words 12 to 15: counter and nonce.
    const __m128i begin =
        _mm_set_epi64x(static_cast<long long>(front >> 32 | std::uint64_t{back} << 32),
                       static_cast<long long>(std::uint64_t{block} | front << 32));
    if (count == 1) {
      _mm_store_si128(reinterpret_cast<__m128i*>(begin_[lane]), begin);
      text_[lane] = text;
      left_[lane] = 64;
      key_[lane] = job.key;
      return;
    }
    const __m512i four =
        _mm512_add_epi32(_mm512_broadcast_i32x4(begin),
                         _mm512_setr_epi32(0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0));
    __m512i next = four;
    const __m512i step = _mm512_maskz_set1_epi32(0x1111, 4);
    for (std::uint32_t i = 0; i < count; i += 4) {
      _mm512_storeu_si512(begin_[lane + i], next);
      next = _mm512_add_epi32(next, step);
    }
    __m512i places = _mm512_add_epi64(_mm512_set1_epi64(reinterpret_cast<long long>(text)),
                                      _mm512_setr_epi64(0, 64, 128, 192, 256, 320, 384, 448));
    for (std::uint32_t i = 0; i < count; i += 8) {
      _mm512_storeu_si512(text_ + lane + i, places);
      places = _mm512_add_epi64(places, _mm512_set1_epi64(512));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(left_ + lane + i), _mm256_set1_epi32(64));
    }
    if (!one_key_) {
      const __m512i key = _mm512_set1_epi64(reinterpret_cast<long long>(job.key));
      for (std::uint32_t i = 0; i < count; i += 8) {
        _mm512_storeu_si512(key_ + lane + i, key);
      }
    }
  }

  // Words 12 to 15 of 16 lanes, and 4 to 11 when keys differ.
  GOTTHARD_INLINE void gather(int set) {
    const int lane = 16 * set;
    __m512i v[4];
    for (int i = 0; i < 4; ++i) {
      v[i] = _mm512_loadu_si512(begin_[lane + 4 * i]);
    }
    // v[i]: lanes 4i ... 4i + 3, four words each.
    const __m512i low = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    const __m512i high =
        _mm512_setr_epi32(2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
    const __m512i a =
        _mm512_permutex2var_epi32(v[0], low, v[1]);  // words 12 and 13 of lanes 0 to 7
    const __m512i b = _mm512_permutex2var_epi32(v[2], low, v[3]);
    const __m512i c = _mm512_permutex2var_epi32(v[0], high, v[1]);
    const __m512i d = _mm512_permutex2var_epi32(v[2], high, v[3]);
    ChaChaWords& words = initial_[set];
    _mm512_store_si512(words.word[12], _mm512_shuffle_i64x2(a, b, 0x44));
    _mm512_store_si512(words.word[13], _mm512_shuffle_i64x2(a, b, 0xee));
    _mm512_store_si512(words.word[14], _mm512_shuffle_i64x2(c, d, 0x44));
    _mm512_store_si512(words.word[15], _mm512_shuffle_i64x2(c, d, 0xee));
    if (!one_key_) {
      gather_keys(lane, &words);
    }
  }
  __attribute__((noinline)) void gather_keys(int lane, ChaChaWords* words) {
    const int used = static_cast<int>(lanes_);
    __m512i v[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      const AeadKey* key = key_[lane + i < used ? lane + i : lane];
      v[i] = _mm512_zextsi256_si512(
          _mm256_load_si256(reinterpret_cast<const __m256i*>(key->schedule<ChaChaKey>().bytes)));
    }
    transpose_words(v);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      _mm512_store_si512(words->word[4 + i], v[i]);
    }
  }

  const AeadJob* jobs_;
  const std::uint8_t* order_;
  std::uint32_t count_;
  std::uint32_t keys_done_ = 0;  // packets whose block 0 was in a unit
  std::uint32_t packet_ = 0;     // the one whose text comes next,
  std::uint32_t block_ = 0;      // and its blocks that are done
  std::uint32_t lanes_ = 0;
  std::uint32_t key_lanes_ = 0;
  bool one_key_;
  alignas(64) std::uint32_t begin_[kRoom][4];
  std::uint8_t* text_[kRoom];
  const AeadKey* key_[kRoom];
  std::uint32_t left_[kRoom];  // bytes of text in the lane, up to 64
  ChaChaWords initial_[2];
  ChaChaWords stream_[2];
};

}  // namespace
}  // namespace gotthard::crypto::wide
