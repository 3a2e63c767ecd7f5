// A key of AES-GCM as the wide kernels want it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gotthard::crypto::wide {

// Powers of GHASH's key that are kept: a window of 48 blocks of text, the block of associated data
// before it, and some so that whole vectors can be read at the end.
inline constexpr std::size_t kGcmPowers = 52;
inline constexpr std::size_t kGcmWindow = 48;

//   round_keys   15 of 16 bytes, of which AES-128 has 11 and AES-192 13
//   powers       H^49, H^48, ... H^1, and zeroes: the powers for consecutive blocks lie in order,
//   and
//                a vector that reaches beyond the last block multiplies by nothing
// H is in GHASH's bit order, reflected and multiplied by x once (Gueron and Kounavis), so that a
// product of carry-less multiplications needs no shift.
struct alignas(64) GcmKey {
  std::uint8_t round_keys[15][16];
  std::uint8_t powers[kGcmPowers][16];
};

// Where H^power lies; vectors of powers go on downwards from there.
inline constexpr std::size_t kGcmFirstPower = 49;

}  // namespace gotthard::crypto::wide
