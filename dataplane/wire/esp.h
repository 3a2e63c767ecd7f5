// ESP as it lies in packets (RFC 4303), and in UDP (RFC 3948).
//
//   SPI | sequence number | IV | text: payload, padding, pad length, next header | ICV
#pragma once

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
[[nodiscard]] std::optional<EspText> find_esp_text(std::size_t packet, const EspSizes& sizes);

// What a text holds once it was opened. Nothing: its padding is longer than it, or not the one that
// every sender makes (1, 2, 3 and on: 2.4).
struct EspPayload {
  std::size_t length = 0;  // without trailer; what pads for traffic flow confidentiality included
  std::uint8_t next_header = 0;
};
[[nodiscard]] std::optional<EspPayload> parse_esp_payload(std::span<const std::byte> text);

// Padding and trailer behind a payload of `length` bytes, so that the text comes out aligned.
[[nodiscard]] constexpr std::size_t esp_text_length(std::size_t length, std::size_t alignment) {
  const std::size_t unit = alignment > kEspAlignment ? alignment : kEspAlignment;
  return (length + sizeof(EspTrailer) + unit - 1) / unit * unit;
}
void write_esp_trailer(std::span<std::byte> after_payload, std::uint8_t next_header);

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
