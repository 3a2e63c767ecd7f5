// What gcm_avx512.cc and gcm_avx2.cc have in common: keys, and batches as groups.
#pragma once

#include "crypto/wide/gcm.h"
#include "crypto/wide/gcm_kernel.h"

namespace gotthard::crypto::wide {
namespace {

// FIPS 197, 5.2; the S-box is the CPU's, so that no table is looked up by bytes of a key.
inline void expand_aes(const std::uint8_t* key, std::size_t size, GcmKey* out) {
  const std::size_t key_words = size / 4;
  const std::size_t words = 4 * (key_words + 7);
  std::uint32_t w[60];
  std::memcpy(w, key, size);
  std::uint32_t rcon = 1;
  for (std::size_t i = key_words; i < words; ++i) {
    std::uint32_t t = w[i - 1];
    const __m128i assisted = _mm_aeskeygenassist_si128(_mm_set1_epi32(static_cast<int>(t)), 0);
    if (i % key_words == 0) {
      t = static_cast<std::uint32_t>(_mm_extract_epi32(assisted, 1)) ^ rcon;
      rcon = (rcon << 1) ^ (rcon >> 7) * 0x11b;
    } else if (key_words > 6 && i % key_words == 4) {
      t = static_cast<std::uint32_t>(_mm_cvtsi128_si32(assisted));
    }
    w[i] = w[i - key_words] ^ t;
  }
  std::memcpy(out->round_keys, w, words * 4);
  // The volatile pointer keeps the compiler from leaving out what nobody reads.
  for (volatile std::uint32_t* p = w; p != w + 60; ++p) {
    *p = 0;
  }
}

template <typename V>
void expand_gcm(const std::uint8_t* key, std::size_t size, GcmKey* out) noexcept {
  std::memset(out, 0, sizeof(*out));
  expand_aes(key, size, out);
  const std::size_t rounds = size / 4 + 6;
  const auto* keys = reinterpret_cast<const __m128i*>(out->round_keys);
  __m128i h = keys[0];
  for (std::size_t round = 1; round < rounds; ++round) {
    h = _mm_aesenc_si128(h, keys[round]);
  }
  h = _mm_aesenclast_si128(h, keys[rounds]);
  // In GHASH's order of bits, times x: shifted by one, and what falls out goes back in.
  std::uint64_t high = __builtin_bswap64(static_cast<std::uint64_t>(_mm_cvtsi128_si64(h)));
  std::uint64_t low = __builtin_bswap64(static_cast<std::uint64_t>(_mm_extract_epi64(h, 1)));
  const std::uint64_t carry = high >> 63;
  high = (high << 1 | low >> 63) ^ carry * 0xc200000000000000ULL;
  low = low << 1 ^ carry;
  const __m128i one = _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
  __m128i power = one;
  for (std::size_t exponent = 1; exponent <= kGcmFirstPower; ++exponent) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out->powers[kGcmFirstPower - exponent]), power);
    power = multiply_blocks<V>(power, one);
  }
}

// What the packets of a full group have in common.
struct Alike {
  bool key;    // and the number of blocks
  bool steps;  // as many each, none of them jumbo
  bool few_blocks;
};

template <std::uint32_t kGroup, std::uint32_t kLongest>
inline Alike alike(const AeadJob* jobs, const std::uint8_t* order) {
  constexpr std::uint32_t kStep = 16 * kGroup;
  const AeadJob& first = jobs[order[0]];
  Alike result{true, first.length <= kLongest,
               first.length <= 16 * kGcmWindow && first.aad_length <= 16};
  for (std::uint32_t i = 1; i < kGroup; ++i) {
    const AeadJob& job = jobs[order[i]];
    result.key &= job.key == first.key && (job.length + 15) / 16 == (first.length + 15) / 16;
    result.few_blocks &= job.length <= 16 * kGcmWindow && job.aad_length <= 16;
    result.steps &= (job.length + kStep - 1) / kStep == (first.length + kStep - 1) / kStep;
  }
  return result;
}

template <typename V, int kRounds, bool kOpen>
std::uint64_t run_groups(const AeadJob* jobs, const std::uint8_t* order, std::size_t count) {
  using OneKey = GcmGroup<V, kRounds, kOpen, true>;
  using AnyKeys = GcmGroup<V, kRounds, kOpen, false>;
  constexpr std::size_t kGroup = V::kBlocks;
  std::uint64_t authentic = 0;
  for (std::size_t i = 0; i < count; i += kGroup) {
    const std::uint8_t* here = order + i;
    const std::uint8_t* next = order + (i + 2 * kGroup <= count ? i + kGroup : i);
    const std::size_t left = count - i < kGroup ? count - i : kGroup;
    const Alike same = left == kGroup ? alike<kGroup, AnyKeys::kCarryFree>(jobs, here) : Alike{};
    unsigned part;
    if (same.steps) {
      if (!same.key) {
        part = AnyKeys::template run_even<false>(jobs, here, next, same.few_blocks);
      } else if (OneKey::has_last_apart(jobs[here[0]].length)) {
        part = OneKey::template run_even<true>(jobs, here, next, same.few_blocks);
      } else {
        part = OneKey::template run_even<false>(jobs, here, next, same.few_blocks);
      }
    } else {
      part = AnyKeys::run_any(jobs, here, static_cast<int>(left), next);
    }
    authentic |= std::uint64_t{part} << i;
  }
  return authentic;
}

template <typename V, bool kOpen>
std::uint64_t run_batch(const AeadJob* jobs, const std::uint8_t* order, std::size_t count,
                        std::size_t key_size) {
  switch (key_size) {
    case 16:
      return run_groups<V, 10, kOpen>(jobs, order, count);
    case 24:
      return run_groups<V, 12, kOpen>(jobs, order, count);
    default:
      return run_groups<V, 14, kOpen>(jobs, order, count);
  }
}

template <typename V>
void seal_batch(const AeadJob* jobs, const std::uint8_t* order, std::size_t count,
                std::size_t key_size) noexcept {
  static_cast<void>(run_batch<V, false>(jobs, order, count, key_size));
}

template <typename V>
std::uint64_t open_batch(const AeadJob* jobs, const std::uint8_t* order, std::size_t count,
                         std::size_t key_size) noexcept {
  const std::uint64_t authentic = run_batch<V, true>(jobs, order, count, key_size);
  for (std::size_t i = 0; i < count; ++i) {
    if ((authentic >> i & 1) == 0) {
      const AeadJob& job = jobs[order[i]];
      std::memset(job.text, 0, job.length);
    }
  }
  return authentic;
}

}  // namespace
}  // namespace gotthard::crypto::wide
