#include "tests/packet/messages.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"

namespace gotthard::packet_test {

Bytes to_peer0() { return udp("10.1.0.2", 1, "10.2.0.9", 2, {1, 2, 3}); }
Bytes from_peer0() { return udp("10.2.0.9", 1, "10.1.0.2", 2, {1, 2, 3}); }

Bytes message_in(const Bytes& frame, bool v6) {
  EXPECT_EQ(cut(frame, 0, 6), Bytes(kPeerMac.begin(), kPeerMac.end()));
  EXPECT_EQ(get16(frame, 12), v6 ? 0x86dd : 0x0800);
  const Bytes packet = cut(frame, 14);
  const std::size_t header = ip_header_size(packet);
  EXPECT_EQ(header, v6 ? 40U : 20U);
  if (v6) {
    EXPECT_EQ(get16(packet, 4) + 40U, packet.size());
    EXPECT_EQ(udp_sum(packet), 0) << "IPv6 has no UDP without checksum";
    EXPECT_NE(get16(packet, header + 6), 0);
  } else {
    EXPECT_EQ(get16(packet, 2), packet.size());
    EXPECT_EQ(internet_sum(cut(packet, 0, 20)), 0);
  }
  EXPECT_EQ(get16(packet, header), kListenPort);
  EXPECT_EQ(get16(packet, header + 2), 40000);
  EXPECT_EQ(get16(packet, header + 4) + header, packet.size());
  return cut(packet, header + 8);
}

Bytes handshake(std::uint8_t type, bool mac2) {
  Bytes message(type == 1 ? 148 : type == 2 ? 92 : 64, 0x11);
  message[0] = type;
  message[1] = message[2] = message[3] = 0;
  if (type == 3) {  // has no macs
    return message;
  }
  const std::size_t covered = message.size() - 32;
  const auto mac1 = crypto::Blake2sMac::create().value().mac(
      std::as_bytes(std::span(kMac1Key)), std::as_bytes(std::span(message)).first(covered));
  std::copy(mac1.begin(), mac1.end(), message.begin() + static_cast<std::ptrdiff_t>(covered));
  if (!mac2) {
    std::fill(message.end() - 16, message.end(), 0);
  }
  return message;
}

}  // namespace gotthard::packet_test
