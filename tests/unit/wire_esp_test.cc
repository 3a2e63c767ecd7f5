#include "dataplane/wire/esp.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace gotthard::wire {
namespace {

// RFC 4303, appendix A2.2, as it is written there: window of W below the top (Th, Tl).
std::uint64_t appendix_a(std::uint32_t low, std::uint64_t top, std::uint32_t window) {
  const auto th = static_cast<std::uint32_t>(top >> 32);
  const auto tl = static_cast<std::uint32_t>(top);
  std::uint32_t high = 0;
  if (tl >= window - 1) {  // case A
    high = low >= tl - window + 1 ? th : th + 1;
  } else {  // case B
    high = low >= tl - window + 1 ? th - 1 : th;
  }
  return std::uint64_t{high} << 32 | low;
}

TEST(EspSequence, IsThatOfTheAppendixForAllThatAWindowTakes) {
  constexpr std::uint64_t kEdge = std::uint64_t{1} << 32;
  constexpr std::uint32_t kWindow = 65536;
  for (const std::uint64_t top :
       {std::uint64_t{kWindow}, kEdge - 1, kEdge, kEdge + 5, kEdge + kWindow, 3 * kEdge - 70000,
        5 * kEdge + 100, kEdge * 1000 + kEdge / 2}) {
    for (const std::int64_t away :
         {-65535L, -40000L, -1L, 0L, 1L, 77L, 65536L, 1L << 30, (1L << 31) - 1}) {
      const std::uint64_t sequence = top + static_cast<std::uint64_t>(away);
      const auto low = static_cast<std::uint32_t>(sequence);
      EXPECT_EQ(infer_sequence(low, top), sequence) << top << " " << away;
      EXPECT_EQ(appendix_a(low, top, kWindow), sequence) << top << " " << away;
    }
  }
}

TEST(EspSequence, WhatIsBelowTheWindowIsWhatItWas) {
  constexpr std::uint64_t kTop = 5ULL << 32 | 1000;
  EXPECT_EQ(infer_sequence(static_cast<std::uint32_t>(kTop - 100'000), kTop), kTop - 100'000);
  EXPECT_EQ(infer_sequence(7, 0), 7U);
  EXPECT_EQ(infer_sequence(0xffffffff, 3), 0xffffffffU) << "nothing was below zero";
}

TEST(EspText, Lengths) {
  const EspSizes gcm{.iv = 8, .icv = 16};
  EXPECT_FALSE(find_esp_text(8 + 8 + 16, gcm));
  EXPECT_FALSE(find_esp_text(8 + 8 + 2 + 16, gcm));
  const auto least = find_esp_text(8 + 8 + 4 + 16, gcm);
  ASSERT_TRUE(least);
  EXPECT_EQ(least->offset, 16U);
  EXPECT_EQ(least->length, 4U);
  const EspSizes cbc{.iv = 16, .icv = 24, .alignment = 16};
  EXPECT_FALSE(find_esp_text(8 + 16 + 20 + 24, cbc));
  EXPECT_TRUE(find_esp_text(8 + 16 + 16 + 24, cbc));
}

TEST(EspText, TrailersThereAndBack) {
  for (const std::size_t alignment : {1U, 4U, 16U}) {
    for (std::size_t length = 0; length < 70; ++length) {
      const std::size_t text = esp_text_length(length, alignment);
      EXPECT_EQ(text % std::max<std::size_t>(alignment, 4), 0U);
      EXPECT_LT(text, length + 2 + std::max<std::size_t>(alignment, 4));
      std::vector<std::byte> bytes(text, std::byte{0xaa});
      write_esp_trailer(std::span(bytes).subspan(length), 41);
      const auto payload = parse_esp_payload(bytes);
      ASSERT_TRUE(payload);
      EXPECT_EQ(payload->length, length);
      EXPECT_EQ(payload->next_header, 41);
    }
  }
}

TEST(EspText, PaddingIsLookedAt) {
  const auto payload = [](std::initializer_list<int> bytes) {
    std::vector<std::byte> text;
    for (const int byte : bytes) {
      text.push_back(static_cast<std::byte>(byte));
    }
    return parse_esp_payload(text);
  };
  EXPECT_TRUE(payload({0, 4}));
  EXPECT_TRUE(payload({1, 2, 2, 4}));
  EXPECT_FALSE(payload({1, 3, 2, 4}));
  EXPECT_FALSE(payload({0, 1, 2, 4}));
  EXPECT_FALSE(payload({1, 2, 3, 4}));
  EXPECT_FALSE(payload({4}));
  EXPECT_FALSE(payload({}));
}

TEST(EspInUdp, ByItsFirstBytes) {
  const auto kind = [](std::vector<std::uint8_t> bytes) {
    return classify_udp_encapsulated(std::as_bytes(std::span(bytes)));
  };
  EXPECT_EQ(kind({0xff}), UdpEncapsulated::keepalive);
  EXPECT_EQ(kind({0xfe}), UdpEncapsulated::invalid);
  EXPECT_EQ(kind({}), UdpEncapsulated::invalid);
  EXPECT_EQ(kind({0xff, 0xff}), UdpEncapsulated::invalid);
  EXPECT_EQ(kind({0, 0, 0, 0}), UdpEncapsulated::invalid);
  EXPECT_EQ(kind({0, 0, 0, 0, 1, 2, 3, 4}), UdpEncapsulated::ike);
  EXPECT_EQ(kind({0, 0, 0, 1, 0, 0, 0, 0}), UdpEncapsulated::esp);
}

}  // namespace
}  // namespace gotthard::wire
