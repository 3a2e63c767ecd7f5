// What the tests of crypto/ share.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/aead.h"

namespace gotthard::crypto::testing {

using Bytes = std::vector<std::byte>;

inline Bytes hex(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

inline Bytes text(std::string_view characters) {
  const auto bytes = std::as_bytes(std::span(characters));
  return {bytes.begin(), bytes.end()};
}

template <typename Range>
Bytes copy(const Range& range) {
  const auto bytes = std::as_bytes(std::span(range));
  return {bytes.begin(), bytes.end()};
}

template <std::size_t N>
std::array<std::uint8_t, N> array_of(const Bytes& bytes) {
  std::array<std::uint8_t, N> result{};
  for (std::size_t i = 0; i < N; ++i) {
    result[i] = static_cast<std::uint8_t>(bytes.at(i));
  }
  return result;
}

// Repeatable bytes.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(engine_() % bound); }
  Bytes bytes(std::size_t count) {
    Bytes result(count);
    for (std::byte& byte : result) {
      byte = static_cast<std::byte>(engine_());
    }
    return result;
  }

 private:
  std::mt19937_64 engine_;
};

// Tests of one backend each; a machine that cannot run it skips and says why.
class BackendTest : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    Result<AeadEngine> engine = AeadEngine::create(GetParam());
    if (!engine) {
      GTEST_SKIP() << engine.error().message;
    }
    engine_.emplace(std::move(*engine));
  }
  AeadEngine& engine() { return *engine_; }

 private:
  std::optional<AeadEngine> engine_;
};

// Each one by its name; `automatic` is one of them.
inline std::vector<Backend> all_backends() {
  std::vector<Backend> backends;
  for (std::size_t i = 1; i < kBackendNames.size(); ++i) {
    backends.push_back(static_cast<Backend>(i));
  }
  return backends;
}

inline std::string backend_test_name(const ::testing::TestParamInfo<Backend>& backend) {
  return crypto::name_of(backend.param);
}

}  // namespace gotthard::crypto::testing
