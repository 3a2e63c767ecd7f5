// The blocks of key stream that a batch of packets needs, two sets of them to a unit, whichever
// packets they belong to: no lane is left empty at a packet's end. A packet's block 0 makes
// Poly1305's key. When sealing it is the first of the packet's blocks; when opening all keys come
// first, because texts are hashed before they are decrypted:
//
//   seal    packet 0: blocks 0, 1, 2, 3 ...; packet 1: blocks 0, 1, 2 ...; ...
//   open    block 0 of packet 0, of packet 1, ... of the last packet;
//           packet 0: blocks 1, 2, 3 ...; packet 1: blocks 1, 2 ...; ...
#pragma once

#include <immintrin.h>

#include <cstring>

#include "crypto/aead_key.h"
#include "crypto/wide/chacha20_poly1305.h"
#include "crypto/wide/chacha20_rounds.h"
#include "crypto/wide/inline.h"

namespace gotthard::crypto::wide {
namespace {

// V: LanesAvx512 or LanesAvx2.
template <typename V, bool kOpen>
class ChaChaLanes {
  using Vector = typename V::Vector;
  using Mask = typename V::Mask;
  using Words = ChaChaWords<V::kLanes>;

 public:
  ChaChaLanes(const AeadJob* jobs, const std::uint8_t* order, std::uint32_t count)
      : jobs_(jobs), order_(order), count_(count) {
    one_key_ = true;
    for (std::uint32_t i = 1; i < count; ++i) {
      one_key_ = one_key_ && jobs[order[i]].key == jobs[order[0]].key;
    }
    constexpr std::uint32_t kConstants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (Words& set : initial_) {
      for (int i = 0; i < 4; ++i) {
        V::store(set.word[i], V::all(kConstants[i]));
      }
      put_key(jobs[order[0]], V::from(0), &set);
    }
  }
  // Keys do not stay on the stack.
  ~ChaChaLanes() {
    for (Words& set : initial_) {
      for (int i = 4; i < 12; ++i) {
        V::store(set.word[i], V::zero());
      }
    }
    asm volatile("" : : "r"(initial_) : "memory");
  }
  ChaChaLanes(const ChaChaLanes&) = delete;
  ChaChaLanes& operator=(const ChaChaLanes&) = delete;

  // Fills in the next unit. False: there are no blocks left.
  bool next_unit() {
    keys_ = 0;
    parts_ = 0;
    lanes_ = fill(0);
    if (lanes_ == kSet) {
      lanes_ += fill(1);
    }
    return lanes_ != 0;
  }
  // More lanes than one set's are in use.
  [[nodiscard]] bool both_sets() const { return lanes_ > kSet; }

  void run_rounds() {
    if (both_sets()) {
      V::run_two(initial_, stream_);
    } else {
      V::run_one(initial_, stream_);
    }
  }
  // For both sets.
  void run_rounds(PolyRun* run) { V::run_two(initial_, stream_, run); }

  // Packets whose last block was in this unit or before it.
  [[nodiscard]] std::uint32_t packets_done() const { return packet_; }
  // Packets that have a block of text in this unit or before it.
  [[nodiscard]] std::uint32_t packets_begun() const { return packet_ + (block_ != 0 ? 1 : 0); }
  // Packets whose keys were in this unit or before it.
  [[nodiscard]] std::uint32_t keys_done() const { return keys_done_; }

  // keep(i, key) for each of this unit's keys.
  template <typename Keep>
  GOTTHARD_INLINE void keys(Keep keep) {
    for (std::uint32_t i = 0; i < keys_; ++i) {
      auto* key = reinterpret_cast<__m256i*>(key_[i]);
      keep(keys_done_ - keys_ + i, _mm256_load_si256(key));
      _mm256_store_si256(key, _mm256_setzero_si256());
    }
  }

  // The key stream goes onto the texts.
  __attribute__((noinline)) void apply() const {
    for (std::uint32_t i = 0; i < parts_; ++i) {
      std::uint8_t* text = part_[i].text;
      const std::uint8_t* block = part_[i].stream;
      std::uint32_t left = part_[i].bytes;
      for (; left >= 256; left -= 256, text += 256, block += 256) {
        V::add_block(text, block);
        V::add_block(text + 64, block + 64);
        V::add_block(text + 128, block + 128);
        V::add_block(text + 192, block + 192);
      }
      for (; left >= 64; left -= 64, text += 64, block += 64) {
        V::add_block(text, block);
      }
      if (left != 0) {
        V::add_part(text, block, left);
      }
    }
  }

 private:
  static constexpr std::uint32_t kSet = V::kLanes;
  static constexpr std::uint32_t kLong = 1024;
  // Which of a packet's own blocks is the first of its text.
  static constexpr std::uint32_t kTextBlock = kOpen ? 0 : 1;

  // The part of a text that lies in consecutive lanes of a set.
  struct Part {
    std::uint8_t* text;
    const std::uint8_t* stream;
    std::uint32_t bytes;
  };

  // Words 12 to 15 of a set: counters and nonces.
  struct Beginnings {
    Vector counter, nonce[3];

    // Lanes from number `lane` on are blocks of a packet from `block` on.
    GOTTHARD_INLINE void put(const AeadJob& job, Mask lanes, std::uint32_t lane,
                             std::uint32_t block) {
      counter = V::put(counter, lanes, block - lane);
#pragma GCC unroll 3
      for (int i = 0; i < 3; ++i) {
        std::uint32_t word;
        std::memcpy(&word, job.nonce.data() + 4 * i, 4);
        nonce[i] = V::put(nonce[i], lanes, word);
      }
    }
    GOTTHARD_INLINE void store(Words* set) const {
      V::store(set->word[12], V::add(counter, V::numbers()));
#pragma GCC unroll 3
      for (int i = 0; i < 3; ++i) {
        V::store(set->word[13 + i], nonce[i]);
      }
    }
  };

  // The next set of lanes, or fewer when there are no more.
  __attribute__((noinline)) std::uint32_t fill(std::uint32_t set) {
    Beginnings begin{V::zero(), {V::zero(), V::zero(), V::zero()}};
    std::uint32_t lane = 0;
    if constexpr (kOpen) {
      for (; lane < kSet && keys_done_ < count_; ++lane) {
        put(jobs_[order_[keys_done_]], lane, 0, set, &begin);
        add_key(stream_[set].block[lane]);
      }
    }
    while (lane < kSet && packet_ < count_) {
      const AeadJob& job = jobs_[order_[packet_]];
      const std::uint32_t blocks = kTextBlock + (job.length + 63) / 64;
      const std::uint32_t take = lesser(blocks - block_, kSet - lane);
      if (take != 0) {
        put(job, lane, block_ + 1 - kTextBlock, set, &begin);
        std::uint32_t first = lane;
        if (block_ == 0) {
          fetch_ahead();
        }
        if (!kOpen && block_ == 0) {
          add_key(stream_[set].block[lane]);
          ++first;
        }
        lane += take;
        block_ += take;
        if (first != lane) {
          const std::uint32_t end = 64 * (block_ - kTextBlock);
          const std::uint32_t done = end - 64 * (lane - first);
          add_part(reinterpret_cast<std::uint8_t*>(job.text) + done, stream_[set].block[first],
                   lesser(end, job.length) - done);
        }
      }
      if (block_ == blocks) {
        ++packet_;
        block_ = 0;
      }
    }
    begin.store(&initial_[set]);
    return lane;
  }
  GOTTHARD_INLINE void add_key(std::uint8_t* block) {
    key_[keys_++] = block;
    ++keys_done_;
  }
  // Later lanes are the packet's too, until another one's are put there.
  GOTTHARD_INLINE void put(const AeadJob& job, std::uint32_t lane, std::uint32_t block,
                           std::uint32_t set, Beginnings* begin) {
    const Mask lanes = V::from(lane);
    begin->put(job, lanes, lane, block);
    if (!one_key_) {
      put_key(job, lanes, &initial_[set]);
    }
  }
  // Words 4 to 11 of some lanes.
  static GOTTHARD_INLINE void put_key(const AeadJob& job, Mask lanes, Words* set) {
    const std::uint8_t* bytes = job.key->schedule<ChaChaKey>().bytes;
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      std::uint32_t word;
      std::memcpy(&word, bytes + 4 * i, 4);
      V::put(set->word[4 + i], lanes, word);
    }
  }
  // A unit takes less time than a long text that lies beyond L2 on its way: it sets out two packets
  // before its turn.
  GOTTHARD_INLINE void fetch_ahead() {
    if (packet_ + 2 < count_) {
      const AeadJob& job = jobs_[order_[packet_ + 2]];
      if (job.length >= kLong) {
        fetch<Cache::l2>(reinterpret_cast<const std::uint8_t*>(job.text), job.length);
      }
    }
  }
  enum class Cache : std::uint8_t { l1, l2 };
  template <Cache kCache>
  static GOTTHARD_INLINE void fetch(const std::uint8_t* text, std::uint32_t bytes) {
    const auto* line = reinterpret_cast<const char*>(text);
    for (const char* end = line + bytes; line < end; line += 128) {
      if constexpr (kCache == Cache::l1) {
        _mm_prefetch(line, _MM_HINT_T0);
        _mm_prefetch(line + 64, _MM_HINT_T0);
      } else {
        _mm_prefetch(line, _MM_HINT_T1);
        _mm_prefetch(line + 64, _MM_HINT_T1);
      }
    }
  }
  GOTTHARD_INLINE void add_part(std::uint8_t* text, const std::uint8_t* stream,
                                std::uint32_t bytes) {
    part_[parts_++] = {text, stream, bytes};
    fetch<Cache::l1>(text, bytes);
  }

  const AeadJob* jobs_;
  const std::uint8_t* order_;
  std::uint32_t count_;
  std::uint32_t keys_done_ = 0;  // packets whose block 0 was in a unit
  std::uint32_t packet_ = 0;     // the one whose text comes next,
  std::uint32_t block_ = 0;      // and its blocks that are done
  std::uint32_t lanes_ = 0;      // of this unit
  std::uint32_t keys_ = 0;       // that it makes
  std::uint32_t parts_ = 0;
  bool one_key_;
  std::uint8_t* key_[2 * kSet];
  Part part_[2 * kSet];
  Words initial_[2];
  ChaChaBlocks<kSet> stream_[2];
};

}  // namespace
}  // namespace gotthard::crypto::wide
