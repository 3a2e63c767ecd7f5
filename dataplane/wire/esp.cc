#include "dataplane/wire/esp.h"

#include <algorithm>

namespace gotthard::wire {

std::optional<EspText> find_esp_text(std::size_t packet, const EspSizes& sizes) {
  const std::size_t before = sizeof(EspHeader) + sizes.iv;
  if (packet < before + sizeof(EspTrailer) + sizes.icv) {
    return std::nullopt;
  }
  const std::size_t length = packet - before - sizes.icv;
  if (length % std::max(sizes.alignment, kEspAlignment) != 0) {
    return std::nullopt;
  }
  return EspText{.offset = before, .length = length};
}

std::optional<EspPayload> parse_esp_payload(std::span<const std::byte> text) {
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

void write_esp_trailer(std::span<std::byte> after_payload, std::uint8_t next_header) {
  const std::size_t padding = after_payload.size() - sizeof(EspTrailer);
  for (std::size_t i = 0; i < padding; ++i) {
    after_payload[i] = static_cast<std::byte>(i + 1);
  }
  after_payload[padding] = static_cast<std::byte>(padding);
  after_payload[padding + 1] = static_cast<std::byte>(next_header);
}

UdpEncapsulated classify_udp_encapsulated(std::span<const std::byte> payload) {
  if (payload.size() == 1 && payload[0] == std::byte{0xff}) {
    return UdpEncapsulated::keepalive;
  }
  if (payload.size() < sizeof(EspHeader)) {
    return UdpEncapsulated::invalid;
  }
  const auto* header = reinterpret_cast<const EspHeader*>(payload.data());
  return header->spi.raw() == 0 ? UdpEncapsulated::ike : UdpEncapsulated::esp;
}

}  // namespace gotthard::wire
