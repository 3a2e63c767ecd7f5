#include "control/ike/message/header.h"

namespace gotthard::ike {
namespace {

constexpr std::uint8_t kFlagInitiator = 0x08;
constexpr std::uint8_t kFlagResponse = 0x20;

}  // namespace

std::optional<Header> parse_header(Bytes datagram) {
  Reader reader(datagram);
  Header header;
  header.spi_initiator = reader.u64();
  header.spi_responder = reader.u64();
  header.next_payload = static_cast<PayloadType>(reader.u8());
  header.version = reader.u8();
  header.exchange = static_cast<ExchangeType>(reader.u8());
  const std::uint8_t flags = reader.u8();
  header.from_initiator = (flags & kFlagInitiator) != 0;
  header.is_response = (flags & kFlagResponse) != 0;
  header.message_id = reader.u32();
  const std::uint32_t length = reader.u32();
  if (!reader.ok() || length != datagram.size()) {
    return std::nullopt;
  }
  return header;
}

// RFC 7296, section 3.1. The version flag stays zero: we speak no higher major version.
void write(Writer& writer, const Header& header, std::size_t body) {
  writer.u64(header.spi_initiator);
  writer.u64(header.spi_responder);
  writer.u8(static_cast<std::uint8_t>(header.next_payload));
  writer.u8(header.version);
  writer.u8(static_cast<std::uint8_t>(header.exchange));
  writer.u8(static_cast<std::uint8_t>((header.from_initiator ? kFlagInitiator : 0) |
                                      (header.is_response ? kFlagResponse : 0)));
  writer.u32(header.message_id);
  writer.u32(static_cast<std::uint32_t>(Header::kSize + body));
}

}  // namespace gotthard::ike
