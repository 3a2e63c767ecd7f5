// BLAKE2s as RFC 7693 writes it down, for checking the library's answers by another computation.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace gotthard::crypto::testing {

class ReferenceBlake2s {
 public:
  using Octets = std::vector<std::uint8_t>;

  static Octets hash(std::size_t size, const Octets& key, const Octets& message) {
    ReferenceBlake2s state(size, key.size());
    Octets input;
    if (!key.empty()) {
      input = key;
      input.resize(64);
    }
    input.insert(input.end(), message.begin(), message.end());
    std::size_t offset = 0;
    while (input.size() - offset > 64) {
      state.compress(&input[offset], offset + 64, false);
      offset += 64;
    }
    std::array<std::uint8_t, 64> last{};
    std::copy(input.begin() + static_cast<std::ptrdiff_t>(offset), input.end(), last.begin());
    state.compress(last.data(), input.size(), true);
    Octets result;
    for (std::size_t i = 0; i < size; ++i) {
      result.push_back(static_cast<std::uint8_t>(state.h_[i / 4] >> (8 * (i % 4))));
    }
    return result;
  }

  // RFC 2104 with a block of 64 bytes.
  static Octets hmac(Octets key, const Octets& message) {
    if (key.size() > 64) {
      key = hash(32, {}, key);
    }
    key.resize(64);
    Octets inner;
    Octets outer;
    for (const std::uint8_t byte : key) {
      inner.push_back(byte ^ 0x36);
      outer.push_back(byte ^ 0x5c);
    }
    inner.insert(inner.end(), message.begin(), message.end());
    const Octets digest = hash(32, {}, inner);
    outer.insert(outer.end(), digest.begin(), digest.end());
    return hash(32, {}, outer);
  }

 private:
  static constexpr std::array<std::uint32_t, 8> kIv = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                                       0xa54ff53a, 0x510e527f, 0x9b05688c,
                                                       0x1f83d9ab, 0x5be0cd19};
  static constexpr std::uint8_t kSigma[10][16] = {
      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
      {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
      {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
      {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
      {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
      {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
      {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
      {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
      {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
      {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

  ReferenceBlake2s(std::size_t size, std::size_t key_size) : h_(kIv) {
    h_[0] ^= 0x01010000 ^ static_cast<std::uint32_t>(key_size << 8 | size);
  }

  void compress(const std::uint8_t* block, std::uint64_t total, bool last) {
    std::array<std::uint32_t, 16> m;
    for (std::size_t i = 0; i < 16; ++i) {
      m[i] = static_cast<std::uint32_t>(block[4 * i] | block[4 * i + 1] << 8 |
                                        block[4 * i + 2] << 16) |
             static_cast<std::uint32_t>(block[4 * i + 3]) << 24;
    }
    std::array<std::uint32_t, 16> v;
    for (std::size_t i = 0; i < 8; ++i) {
      v[i] = h_[i];
      v[i + 8] = kIv[i];
    }
    v[12] ^= static_cast<std::uint32_t>(total);
    v[13] ^= static_cast<std::uint32_t>(total >> 32);
    v[14] = last ? ~v[14] : v[14];
    const auto mix = [&v](int a, int b, int c, int d, std::uint32_t x, std::uint32_t y) {
      v[a] = v[a] + v[b] + x;
      v[d] = std::rotr(v[d] ^ v[a], 16);
      v[c] = v[c] + v[d];
      v[b] = std::rotr(v[b] ^ v[c], 12);
      v[a] = v[a] + v[b] + y;
      v[d] = std::rotr(v[d] ^ v[a], 8);
      v[c] = v[c] + v[d];
      v[b] = std::rotr(v[b] ^ v[c], 7);
    };
    for (const auto& s : kSigma) {
      mix(0, 4, 8, 12, m[s[0]], m[s[1]]);
      mix(1, 5, 9, 13, m[s[2]], m[s[3]]);
      mix(2, 6, 10, 14, m[s[4]], m[s[5]]);
      mix(3, 7, 11, 15, m[s[6]], m[s[7]]);
      mix(0, 5, 10, 15, m[s[8]], m[s[9]]);
      mix(1, 6, 11, 12, m[s[10]], m[s[11]]);
      mix(2, 7, 8, 13, m[s[12]], m[s[13]]);
      mix(3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (std::size_t i = 0; i < 8; ++i) {
      h_[i] ^= v[i] ^ v[i + 8];
    }
  }

  std::array<std::uint32_t, 8> h_;
};

}  // namespace gotthard::crypto::testing
