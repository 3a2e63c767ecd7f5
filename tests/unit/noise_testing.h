// Keys, ids and devices, as the tests of control/noise make them. Same seed, same run.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "control/noise/device.h"

namespace gotthard::noise::testing {

using Bytes = std::vector<std::byte>;
using Key = std::array<std::byte, 32>;

inline Randomness seeded(std::uint64_t seed) {
  return [engine = std::make_shared<std::mt19937_64>(seed)](std::span<std::byte> out) {
    for (std::byte& byte : out) {
      byte = static_cast<std::byte>((*engine)());
    }
  };
}

inline crypto::PrivateKey private_key(std::uint64_t seed) {
  crypto::PrivateKey key;
  seeded(seed)(key.bytes());
  crypto::clamp(key);
  return key;
}

inline PresharedKey preshared_key(std::uint64_t seed) {
  PresharedKey key;
  if (seed != 0) {
    seeded(seed)(key.bytes());
  }
  return key;
}

inline Endpoint endpoint(std::uint8_t host, std::uint16_t port = 51820) {
  return {{abi::Family::ipv4, {192, 0, 2, host}}, __builtin_bswap16(port)};
}

// Ids as the session allocator gives them; knows which are out.
class Ids {
 public:
  explicit Ids(std::uint32_t first) : next_(first) {}
  SessionIds interface() {
    return {[this]() -> std::optional<std::uint32_t> {
              if (used_.size() >= limit) {
                return std::nullopt;
              }
              used_.insert(next_);
              return next_++;
            },
            [this](std::uint32_t id) { EXPECT_EQ(used_.erase(id), 1U) << id; }};
  }
  void release(std::uint32_t id) { used_.erase(id); }
  [[nodiscard]] std::size_t used() const { return used_.size(); }
  std::size_t limit = 1000;

 private:
  std::uint32_t next_;
  std::set<std::uint32_t> used_;
};

inline Device make_device(std::uint64_t key_seed, std::uint64_t seed, Ids& ids) {
  auto made = Device::create(private_key(key_seed), seeded(seed), ids.interface());
  EXPECT_TRUE(made.has_value());
  return std::move(*made);
}

inline crypto::PublicKey public_key(std::uint64_t key_seed) {
  return crypto::public_key(private_key(key_seed));
}

// The only action of a kind; a failure when there are more or none.
template <typename Kind>
const Kind* only(const Actions& actions) {
  const Kind* found = nullptr;
  for (const Action& action : actions) {
    if (const auto* kind = std::get_if<Kind>(&action)) {
      EXPECT_EQ(found, nullptr);
      found = kind;
    }
  }
  return found;
}

template <typename Kind>
std::size_t how_many(const Actions& actions) {
  return static_cast<std::size_t>(std::ranges::count_if(
      actions, [](const Action& action) { return std::holds_alternative<Kind>(action); }));
}

inline std::uint64_t counted(const Device& device, Outcome outcome) {
  return device.counters()[static_cast<std::size_t>(outcome)];
}

inline Key key_of(const crypto::Secret<32>& secret) {
  Key key;
  std::ranges::copy(secret.bytes(), key.begin());
  return key;
}

}  // namespace gotthard::noise::testing
