// Frames for tests, built and taken apart without the code under test; sealed by libsodium.
#pragma once

#include <arpa/inet.h>
#include <sodium.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/abi/records.h"

namespace gotthard::packet_test {

using Bytes = std::vector<std::uint8_t>;
using Key = std::array<std::uint8_t, 32>;
using Mac = std::array<std::uint8_t, 6>;

inline void put16(Bytes* to, std::size_t at, std::uint16_t value) {
  (*to)[at] = static_cast<std::uint8_t>(value >> 8);
  (*to)[at + 1] = static_cast<std::uint8_t>(value);
}
inline std::uint16_t get16(const Bytes& from, std::size_t at) {
  return static_cast<std::uint16_t>(from[at] << 8 | from[at + 1]);
}

inline Bytes cat(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline Bytes cut(const Bytes& from, std::size_t at, std::size_t size = SIZE_MAX) {
  const auto begin = from.begin() + static_cast<std::ptrdiff_t>(std::min(at, from.size()));
  const auto left = static_cast<std::size_t>(from.end() - begin);
  return {begin, begin + static_cast<std::ptrdiff_t>(std::min(size, left))};
}

// RFC 1071; 0 over data that holds its own right checksum.
inline std::uint16_t internet_sum(const Bytes& bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? std::uint64_t{bytes[i]} << 8 : bytes[i];
  }
  while (sum >> 16 != 0) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(~sum);
}

inline abi::Address address(const std::string& text) {
  abi::Address result;
  const bool v6 = text.find(':') != std::string::npos;
  result.family = v6 ? abi::Family::ipv6 : abi::Family::ipv4;
  inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), result.bytes.data());
  return result;
}

inline Bytes raw(const abi::Address& a) {
  return {a.bytes.begin(), a.bytes.begin() + (a.family == abi::Family::ipv6 ? 16 : 4)};
}

inline Bytes ip(const std::string& from, const std::string& to, std::uint8_t protocol,
                const Bytes& payload, std::uint8_t hops = 64) {
  const abi::Address source = address(from);
  const auto size = static_cast<std::uint16_t>(payload.size());
  if (source.family == abi::Family::ipv6) {
    Bytes header{0x60, 0, 0, 0, 0, 0, protocol, hops};
    put16(&header, 4, size);
    return cat(cat(cat(header, raw(source)), raw(address(to))), payload);
  }
  Bytes header{0x45, 0, 0, 0, 0, 0, 0, 0, hops, protocol, 0, 0};
  put16(&header, 2, static_cast<std::uint16_t>(size + 20));
  header = cat(cat(header, raw(source)), raw(address(to)));
  put16(&header, 10, internet_sum(header));
  return cat(header, payload);
}

// The header's checksum made right, for IPv4.
inline Bytes repaired(Bytes packet) {
  if (packet[0] >> 4 == 4) {
    put16(&packet, 10, 0);
    put16(&packet, 10, internet_sum(cut(packet, 0, 20)));
  }
  return packet;
}
inline Bytes with_df(Bytes packet) {
  packet[6] |= 0x40;
  return repaired(std::move(packet));
}
inline std::uint8_t class_of(const Bytes& packet) {
  return packet[0] >> 4 == 4 ? packet[1]
                             : static_cast<std::uint8_t>(packet[0] << 4 | packet[1] >> 4);
}
inline Bytes with_class(Bytes packet, std::uint8_t value) {
  if (packet[0] >> 4 == 4) {
    packet[1] = value;
    return repaired(std::move(packet));
  }
  packet[0] = static_cast<std::uint8_t>(0x60 | value >> 4);
  packet[1] = static_cast<std::uint8_t>(value << 4);
  return packet;
}
// An IPv4 packet says of itself that it is a piece.
inline Bytes as_piece(Bytes packet, std::uint16_t offset, bool more, std::uint16_t id = 1) {
  put16(&packet, 4, id);
  put16(&packet, 6, static_cast<std::uint16_t>(offset / 8 | (more ? 0x2000 : 0)));
  return repaired(std::move(packet));
}

inline std::size_t ip_header_size(const Bytes& packet) { return packet[0] >> 4 == 4 ? 20 : 40; }

// Over pseudo header, UDP header and payload: 0 when the checksum in there is right.
inline std::uint16_t udp_sum(const Bytes& packet) {
  const std::size_t header = ip_header_size(packet);
  Bytes all = header == 20 ? cut(packet, 12, 8) : cut(packet, 8, 32);
  const Bytes udp = cut(packet, header);
  const auto size = static_cast<std::uint16_t>(udp.size());
  all = cat(all, {0, 17, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)});
  return internet_sum(cat(all, udp));
}

inline Bytes udp(const std::string& from, std::uint16_t from_port, const std::string& to,
                 std::uint16_t to_port, const Bytes& payload, std::uint8_t hops = 64) {
  Bytes header(8);
  put16(&header, 0, from_port);
  put16(&header, 2, to_port);
  put16(&header, 4, static_cast<std::uint16_t>(payload.size() + 8));
  Bytes packet = ip(from, to, 17, cat(header, payload), hops);
  put16(&packet, ip_header_size(packet) + 6, udp_sum(packet));
  return packet;
}

inline Bytes ethernet(const Mac& to, const Bytes& packet, std::uint16_t type = 0) {
  if (type == 0) {
    type = !packet.empty() && packet[0] >> 4 == 6 ? 0x86dd : 0x0800;
  }
  Bytes frame(to.begin(), to.end());
  frame = cat(frame, {0x02, 0, 0, 0, 0, 0x99});
  frame = cat(frame, {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type)});
  return cat(frame, packet);
}

inline std::array<std::uint8_t, 12> nonce_of(std::uint64_t counter) {
  std::array<std::uint8_t, 12> nonce{};
  std::memcpy(nonce.data() + 4, &counter, 8);
  return nonce;
}

// A WireGuard data message (whitepaper 5.4.6); `text` is sealed as it is.
inline Bytes seal(const Key& key, std::uint32_t receiver, std::uint64_t counter,
                  const Bytes& text) {
  Bytes message(16 + text.size() + 16);
  message[0] = 4;
  std::memcpy(message.data() + 4, &receiver, 4);
  std::memcpy(message.data() + 8, &counter, 8);
  crypto_aead_chacha20poly1305_ietf_encrypt(message.data() + 16, nullptr, text.data(), text.size(),
                                            nullptr, 0, nullptr, nonce_of(counter).data(),
                                            key.data());
  return message;
}

struct Opened {
  std::uint32_t receiver = 0;
  std::uint64_t counter = 0;
  Bytes text;
};

inline std::optional<Opened> open(const Key& key, const Bytes& message) {
  if (message.size() < 32 || message[0] != 4) {
    return std::nullopt;
  }
  Opened result{.text = Bytes(message.size() - 32)};
  std::memcpy(&result.receiver, message.data() + 4, 4);
  std::memcpy(&result.counter, message.data() + 8, 8);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(
          result.text.data(), nullptr, nullptr, message.data() + 16, message.size() - 16, nullptr,
          0, nonce_of(result.counter).data(), key.data()) != 0) {
    return std::nullopt;
  }
  return result;
}

}  // namespace gotthard::packet_test
