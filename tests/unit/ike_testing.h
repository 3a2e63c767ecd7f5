// What the tests of control/ike share. Same seed, same run.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/ike/message/reader.h"
#include "control/ike/message/writer.h"

namespace gotthard::ike::testing {

// Of hex digits; spaces between bytes are for the reader.
inline Buffer hex(std::string_view text) {
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != ' '; });
  Buffer bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

inline std::string to_hex(Bytes bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[static_cast<std::size_t>(byte >> 4)];
    text += kDigits[static_cast<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

inline Buffer copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

inline Buffer text(std::string_view characters) {
  return copy(std::as_bytes(std::span(characters)));
}

inline bool same(Bytes a, Bytes b) { return std::ranges::equal(a, b); }

}  // namespace gotthard::ike::testing
