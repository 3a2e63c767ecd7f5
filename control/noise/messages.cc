#include "control/noise/messages.h"

#include <cstring>

namespace gotthard::noise {
namespace {

template <typename Message>
std::optional<Message> parse(std::span<const std::byte> datagram) {
  if (datagram.size() != sizeof(Message)) {
    return std::nullopt;
  }
  Message message;
  const WireType expected = message.type;
  std::memcpy(&message, datagram.data(), sizeof(Message));
  if (message.type != expected) {
    return std::nullopt;
  }
  return message;
}

}  // namespace

WireIndex to_wire(std::uint32_t index) {
  return {static_cast<std::uint8_t>(index), static_cast<std::uint8_t>(index >> 8),
          static_cast<std::uint8_t>(index >> 16), static_cast<std::uint8_t>(index >> 24)};
}

std::uint32_t from_wire(const WireIndex& index) {
  return std::uint32_t{index[0]} | std::uint32_t{index[1]} << 8 | std::uint32_t{index[2]} << 16 |
         std::uint32_t{index[3]} << 24;
}

std::optional<Initiation> parse_initiation(std::span<const std::byte> datagram) {
  return parse<Initiation>(datagram);
}

std::optional<Response> parse_response(std::span<const std::byte> datagram) {
  return parse<Response>(datagram);
}

std::optional<CookieReply> parse_cookie_reply(std::span<const std::byte> datagram) {
  return parse<CookieReply>(datagram);
}

}  // namespace gotthard::noise
