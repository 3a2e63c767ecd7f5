// The IKE header (RFC 7296, section 3.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "control/ike/message/numbers.h"
#include "control/ike/message/reader.h"
#include "control/ike/message/writer.h"

namespace gotthard::ike {

using IkeSpi = std::uint64_t;  // as the number whose big-endian bytes are on the wire

struct Header {
  static constexpr std::size_t kSize = 28;
  static constexpr std::uint8_t kVersion = 0x20;  // 2.0

  IkeSpi spi_initiator = 0;
  IkeSpi spi_responder = 0;
  PayloadType next_payload = PayloadType::none;
  std::uint8_t version = kVersion;
  ExchangeType exchange = ExchangeType::ike_sa_init;
  bool from_initiator = false;  // the original initiator of the IKE SA sent it
  bool is_response = false;
  std::uint32_t message_id = 0;

  [[nodiscard]] std::uint8_t major_version() const { return version >> 4; }
  bool operator==(const Header&) const = default;
};

// Nothing unless the datagram has exactly the length that its header says. Any version.
[[nodiscard]] std::optional<Header> parse_header(Bytes datagram);

// The length field counts `body` bytes after the header.
void write(Writer& writer, const Header& header, std::size_t body);

}  // namespace gotthard::ike
