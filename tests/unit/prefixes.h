// Prefixes for tests of tables: a universe small enough that they nest and touch, with the ends of
// the address space in it, and the plainest longest-prefix match there is.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <utility>

#include "dataplane/abi/records.h"

namespace gotthard::test {

using Prefix = std::pair<abi::Address, std::uint8_t>;

inline unsigned bits_of(abi::Family family) { return family == abi::Family::ipv4 ? 32 : 128; }

inline bool bit(const abi::Address& address, unsigned at) {
  return (address.bytes[at / 8] >> (7 - at % 8) & 1) != 0;
}

inline void set_bit(abi::Address* address, unsigned at, bool value) {
  const auto mask = static_cast<std::uint8_t>(0x80 >> at % 8);
  address->bytes[at / 8] = static_cast<std::uint8_t>(value ? address->bytes[at / 8] | mask
                                                           : address->bytes[at / 8] & ~mask);
}

inline bool contains(const Prefix& prefix, const abi::Address& address) {
  if (prefix.first.family != address.family) {
    return false;
  }
  for (unsigned i = 0; i < prefix.second; ++i) {
    if (bit(prefix.first, i) != bit(address, i)) {
      return false;
    }
  }
  return true;
}

inline abi::Address with_host_bits(const Prefix& prefix, bool value) {
  abi::Address address = prefix.first;
  for (unsigned i = prefix.second; i < bits_of(address.family); ++i) {
    set_bit(&address, i, value);
  }
  return address;
}

class NaiveTable {
 public:
  void set(const Prefix& prefix, std::uint32_t value) { prefixes_[prefix] = value; }
  void remove(const Prefix& prefix) { prefixes_.erase(prefix); }
  [[nodiscard]] std::uint32_t lookup(const abi::Address& address) const {
    int longest = -1;
    std::uint32_t value = 0;
    for (const auto& [prefix, v] : prefixes_) {
      if (static_cast<int>(prefix.second) > longest && contains(prefix, address)) {
        longest = prefix.second;
        value = v;
      }
    }
    return value;
  }
  [[nodiscard]] const std::map<Prefix, std::uint32_t>& prefixes() const { return prefixes_; }

 private:
  std::map<Prefix, std::uint32_t> prefixes_;
};

// Addresses made of few distinct bytes, so that random prefixes meet.
class PrefixSource {
 public:
  PrefixSource(abi::Family family, std::uint64_t seed) : family_(family), random_(seed) {}

  abi::Address address() {
    static constexpr std::uint8_t kBytes[] = {0x00, 0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, 0xff};
    abi::Address address{.family = family_, .bytes = {}};
    for (unsigned i = 0; i < bits_of(family_) / 8; ++i) {
      address.bytes[i] = kBytes[random_() % 8];
    }
    return address;
  }
  Prefix prefix() {
    static constexpr std::uint8_t kShort[] = {0, 0, 1, 2, 4, 7, 8, 9, 15, 16, 20, 23};
    static constexpr std::uint8_t kLong6[] = {25, 31, 32, 40, 47, 48, 56, 63, 64, 65, 127, 128};
    std::uint8_t length = 0;
    if (random_() % 3 == 0) {
      length = kShort[random_() % std::size(kShort)];
    } else if (family_ == abi::Family::ipv4) {
      length = static_cast<std::uint8_t>(22 + random_() % 11);
    } else {
      length = kLong6[random_() % std::size(kLong6)];
    }
    return {with_host_bits({address(), length}, false), length};
  }
  std::uint64_t number(std::uint64_t below) { return random_() % below; }

 private:
  abi::Family family_;
  std::mt19937_64 random_;
};

}  // namespace gotthard::test
