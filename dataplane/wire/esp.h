// ESP as it lies in packets (RFC 4303), and in UDP (RFC 3948).
//
//   SPI | sequence number | IV | text: payload, padding, pad length, next header | ICV
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/wire/endian.h"

namespace gotthard::wire {

struct EspHeader {
  Big32 spi;
  Big32 sequence;  // the low half of an extended one (2.2.1)
};
static_assert(sizeof(EspHeader) == 8 && alignof(EspHeader) == 1);

struct EspTrailer {
  std::uint8_t pad_length;
  std::uint8_t next_header;
};
static_assert(sizeof(EspTrailer) == 2);

// The text's length is a multiple of this, and of the cipher's block (2.4).
inline constexpr std::size_t kEspAlignment = 4;

inline constexpr std::uint8_t kNextHeaderIpv4 = 4;
inline constexpr std::uint8_t kNextHeaderIpv6 = 41;
inline constexpr std::uint8_t kNextHeaderNone = 59;  // a dummy packet (2.6)

// Sizes in bytes that the suite lays down.
struct EspSizes {
  std::size_t iv = 0;
  std::size_t icv = 0;
  std::size_t alignment = kEspAlignment;
};

// Where the text lies in what begins with the SPI.
struct EspText {
  std::size_t offset = 0;
  std::size_t length = 0;
};
// Nothing: too short for header, IV, trailer and ICV, or the text is not of whole units.
[[nodiscard]] inline std::optional<EspText> find_esp_text(std::size_t packet,
                                                          const EspSizes& sizes) {
  const std::size_t before = sizeof(EspHeader) + sizes.iv;
  if (packet < before + sizeof(EspTrailer) + sizes.icv) {
    return std::nullopt;
  }
  const std::size_t length = packet - before - sizes.icv;
  // Alignments are powers of two.
  if ((length & (std::max(sizes.alignment, kEspAlignment) - 1)) != 0) {
    return std::nullopt;
  }
  return EspText{.offset = before, .length = length};
}

// What a text holds once it was opened. Nothing: its padding is longer than it, or not the one that
// every sender makes (1, 2, 3 and on: 2.4).
struct EspPayload {
  std::size_t length = 0;  // without trailer; what pads for traffic flow confidentiality included
  std::uint8_t next_header = 0;
};
[[nodiscard]] inline std::optional<EspPayload> parse_esp_payload(std::span<const std::byte> text) {
  if (text.size() < sizeof(EspTrailer)) {
    return std::nullopt;
  }
  const std::size_t padded = text.size() - sizeof(EspTrailer);
  const auto* trailer = reinterpret_cast<const EspTrailer*>(text.data() + padded);
  if (trailer->pad_length > padded) {
    return std::nullopt;
  }
  const std::size_t length = padded - trailer->pad_length;
  for (std::size_t i = 0; i < trailer->pad_length; ++i) {
    if (static_cast<std::size_t>(text[length + i]) != i + 1) {
      return std::nullopt;
    }
  }
  return EspPayload{.length = length, .next_header = trailer->next_header};
}

// Padding and trailer behind a payload of `length` bytes, so that the text comes out aligned.
[[nodiscard]] constexpr std::size_t esp_text_length(std::size_t length, std::size_t alignment) {
  const std::size_t unit = alignment > kEspAlignment ? alignment : kEspAlignment;
  return (length + sizeof(EspTrailer) + unit - 1) / unit * unit;
}
inline void write_esp_trailer(std::span<std::byte> after_payload, std::uint8_t next_header) {
  const std::size_t padding = after_payload.size() - sizeof(EspTrailer);
  for (std::size_t i = 0; i < padding; ++i) {
    after_payload[i] = static_cast<std::byte>(i + 1);
  }
  after_payload[padding] = static_cast<std::byte>(padding);
  after_payload[padding + 1] = static_cast<std::byte>(next_header);
}

// The whole of an extended sequence number whose low half was received (appendix A): the one next
// to `top`, which is about the greatest that was authenticated. For all that a window accepts the
// result is that of the appendix, up to 2^31 numbers ahead; what lies below the window comes out as
// what it was, rather than as a number to come that then fails authentication.
[[nodiscard]] constexpr std::uint64_t infer_sequence(std::uint32_t low, std::uint64_t top) {
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 31;
  const std::uint64_t bottom = top < kHalf ? 0 : top - kHalf + 1;
  const std::uint64_t candidate = (bottom & ~std::uint64_t{UINT32_MAX}) | low;
  return candidate < bottom ? candidate + (std::uint64_t{1} << 32) : candidate;
}

// What came to a port for ESP in UDP (RFC 3948, 2).
enum class UdpEncapsulated : std::uint8_t {
  esp,
  ike,        // behind the non-ESP marker: four bytes of zero, where no SPI is
  keepalive,  // one byte, 0xff
  invalid,
};
[[nodiscard]] UdpEncapsulated classify_udp_encapsulated(std::span<const std::byte> payload);

}  // namespace gotthard::wire
