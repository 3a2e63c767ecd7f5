// The three handshake messages as they are on the wire (WireGuard paper, sections 5.4.2 to 5.4.7).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace gotthard::noise {

enum class MessageType : std::uint8_t { initiation = 1, response = 2, cookie_reply = 3 };

// Receiver indices are opaque to the other side; ours are little endian, as everybody's are.
using WireIndex = std::array<std::uint8_t, 4>;
[[nodiscard]] WireIndex to_wire(std::uint32_t index);
[[nodiscard]] std::uint32_t from_wire(const WireIndex& index);

using WireType = std::array<std::uint8_t, 4>;  // the type, then three reserved zero bytes
[[nodiscard]] constexpr WireType wire_type(MessageType type) {
  return {static_cast<std::uint8_t>(type), 0, 0, 0};
}

using MessageMac = std::array<std::uint8_t, 16>;

struct Initiation {
  WireType type = wire_type(MessageType::initiation);
  WireIndex sender{};
  std::array<std::uint8_t, 32> ephemeral{};
  std::array<std::uint8_t, 48> encrypted_static{};
  std::array<std::uint8_t, 28> encrypted_timestamp{};
  MessageMac mac1{};
  MessageMac mac2{};
};
static_assert(sizeof(Initiation) == 148 && alignof(Initiation) == 1);

struct Response {
  WireType type = wire_type(MessageType::response);
  WireIndex sender{};
  WireIndex receiver{};
  std::array<std::uint8_t, 32> ephemeral{};
  std::array<std::uint8_t, 16> encrypted_nothing{};
  MessageMac mac1{};
  MessageMac mac2{};
};
static_assert(sizeof(Response) == 92 && alignof(Response) == 1);

struct CookieReply {
  WireType type = wire_type(MessageType::cookie_reply);
  WireIndex receiver{};
  std::array<std::uint8_t, 24> nonce{};
  std::array<std::uint8_t, 32> encrypted_cookie{};
};
static_assert(sizeof(CookieReply) == 64 && alignof(CookieReply) == 1);

// Nothing unless the length is exact and the type is right with its reserved bytes zero.
[[nodiscard]] std::optional<Initiation> parse_initiation(std::span<const std::byte> datagram);
[[nodiscard]] std::optional<Response> parse_response(std::span<const std::byte> datagram);
[[nodiscard]] std::optional<CookieReply> parse_cookie_reply(std::span<const std::byte> datagram);

template <typename Message>
[[nodiscard]] std::span<const std::byte, sizeof(Message)> bytes_of(const Message& message) {
  return std::as_bytes(std::span<const Message, 1>(&message, 1));
}

template <typename Message>
[[nodiscard]] std::vector<std::byte> to_datagram(const Message& message) {
  const auto bytes = bytes_of(message);
  return {bytes.begin(), bytes.end()};
}

// mac1 is over what comes before it, mac2 over mac1 too.
template <typename Message>
[[nodiscard]] std::span<const std::byte> before_mac1(const Message& message) {
  return bytes_of(message).first(offsetof(Message, mac1));
}
template <typename Message>
[[nodiscard]] std::span<const std::byte> before_mac2(const Message& message) {
  return bytes_of(message).first(offsetof(Message, mac2));
}

}  // namespace gotthard::noise
