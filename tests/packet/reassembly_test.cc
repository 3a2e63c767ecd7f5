// Cutting and putting together, against each other and against their bounds.
#include "dataplane/manager/reassembly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/packet/frames.h"

namespace gotthard::packet_test {
namespace {

using dataplane::Reassembly;
using wire::Packet;

constexpr std::uint16_t kTunnelPort = 51820;

dataplane::Topology topology() {
  dataplane::Topology result;
  result.interface_count = 1;
  result.interfaces[0] = {.used = true, .up = true, .listen_port = htons(kTunnelPort)};
  return result;
}

Packet packet_of(const Bytes& bytes) {
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  return {begin, begin + bytes.size()};
}
Packet frame_of(const Packet& packet) {
  Packet frame(14);
  frame.insert(frame.end(), packet.begin(), packet.end());
  return frame;
}

Bytes datagram(bool v6, std::size_t size, std::uint16_t to_port = kTunnelPort) {
  Bytes payload(size);
  for (std::size_t i = 0; i < size; ++i) {
    payload[i] = static_cast<std::uint8_t>(i ^ i >> 8);
  }
  return v6 ? udp("2001:db8::2", 1, "2001:db8::1", to_port, payload)
            : udp("192.0.2.2", 1, "192.0.2.1", to_port, payload);
}

TEST(Reassembly, WhatWasCutInAnyWayComesBackWhole) {
  std::mt19937 random(7);
  const dataplane::Topology ports = topology();
  Reassembly reassembly;
  for (int round = 0; round < 400; ++round) {
    const bool v6 = round % 2 == 1;
    const Packet packet = packet_of(datagram(v6, random() % 9000));
    auto pieces = wire::cut(packet, static_cast<std::uint16_t>(576 + random() % 1000), random());
    if (pieces.size() == 1) {
      continue;
    }
    // Some are cut again, as by another router (IPv4 only).
    if (!v6) {
      std::vector<Packet> smaller;
      for (const Packet& piece : pieces) {
        const auto parts = wire::cut(piece, 300, 0);
        smaller.insert(smaller.end(), parts.begin(), parts.end());
      }
      pieces = smaller;
    }
    std::shuffle(pieces.begin(), pieces.end(), random);
    std::vector<Packet> ours;
    for (const Packet& piece : pieces) {
      const auto result = reassembly.take(0, frame_of(piece), ports, 0);
      EXPECT_EQ(result.refused, 0U);
      EXPECT_TRUE(result.others.empty());
      ours.insert(ours.end(), result.ours.begin(), result.ours.end());
    }
    ASSERT_EQ(ours.size(), 1U);
    EXPECT_EQ(ours[0], frame_of(packet));
    EXPECT_EQ(reassembly.bytes(), 0U);
  }
}

TEST(Reassembly, PiecesThatOverlapEndTheirDatagram) {
  const dataplane::Topology ports = topology();
  const Packet packet = packet_of(datagram(false, 900));
  const auto pieces = wire::cut(packet, 420, 0);
  ASSERT_EQ(pieces.size(), 3U);
  for (std::size_t twice = 0; twice < 3; ++twice) {
    Reassembly reassembly;
    (void)reassembly.take(0, frame_of(pieces[twice]), ports, 0);
    const auto result = reassembly.take(0, frame_of(pieces[twice]), ports, 0);
    EXPECT_EQ(result.refused, 2U) << twice;
    EXPECT_EQ(reassembly.bytes(), 0U);
  }
}

TEST(Reassembly, AnEndWithinWhatIsThereIsRefused) {
  const dataplane::Topology ports = topology();
  Reassembly reassembly;
  const auto pieces = wire::cut(packet_of(datagram(false, 900)), 420, 0);
  (void)reassembly.take(0, frame_of(pieces[1]), ports, 0);
  const Bytes end = as_piece(ip("192.0.2.2", "192.0.2.1", 17, Bytes(8)), 8, false, 0);
  EXPECT_EQ(reassembly.take(0, frame_of(packet_of(end)), ports, 0).refused, 2U);
}

TEST(Reassembly, IsBoundedInDatagramsBytesAndTime) {
  const dataplane::Topology ports = topology();
  Reassembly reassembly;
  std::size_t refused = 0;
  for (unsigned id = 0; id < 1000; ++id) {
    const Bytes piece =
        as_piece(ip("198.51.100." + std::to_string(id % 50), "192.0.2.1", 17, Bytes(1480)), 1480,
                 true, static_cast<std::uint16_t>(id));
    refused += reassembly.take(0, frame_of(packet_of(piece)), ports, id).refused;
  }
  EXPECT_EQ(refused, 1000 - Reassembly::kDatagrams);
  EXPECT_LE(reassembly.bytes(), Reassembly::kBytes);
  EXPECT_EQ(reassembly.expire(Reassembly::kWait - 1), 0U);
  EXPECT_EQ(reassembly.expire(Reassembly::kWait + 1000), Reassembly::kDatagrams);
  EXPECT_EQ(reassembly.bytes(), 0U);
}

// Pieces that never become whole, from one source or from many, do not keep a peer's apart.
TEST(Reassembly, NoFloodTakesThePlacesOfOthers) {
  const dataplane::Topology ports = topology();
  for (const bool one_source : {true, false}) {
    Reassembly reassembly;
    unsigned id = 0;
    const auto flood = [&](unsigned count, std::size_t size) {
      std::size_t refused = 0;
      for (const unsigned end = id + count; id < end; ++id) {
        const Bytes piece =
            as_piece(ip(one_source ? "198.51.100.1" : "198.51.100." + std::to_string(id % 200),
                        "192.0.2.1", 17, Bytes(size)),
                     1480, true, static_cast<std::uint16_t>(id));
        refused += reassembly.take(0, frame_of(packet_of(piece)), ports, id).refused;
      }
      return refused;
    };
    flood(2000, 1480);
    const auto pieces = wire::cut(packet_of(datagram(false, 900)), 420, 0);
    ASSERT_EQ(pieces.size(), 3U);
    std::size_t whole = 0;
    for (const Packet& piece : pieces) {
      whole += reassembly.take(0, frame_of(piece), ports, 3000).ours.size();
      EXPECT_GT(flood(50, 1480), 0U) << "those of the flood make room";
    }
    EXPECT_EQ(whole, 1U);
    EXPECT_LE(reassembly.bytes(), Reassembly::kBytes);
    EXPECT_LE(reassembly.expire(3000 + 2 * Reassembly::kWait),
              one_source ? Reassembly::kPerSource : Reassembly::kDatagrams);
  }
}

TEST(Reassembly, WhatIsNotForATunnelIsHandedOn) {
  const dataplane::Topology ports = topology();
  Reassembly reassembly;
  const auto pieces = wire::cut(packet_of(datagram(false, 900, 53)), 420, 0);
  EXPECT_TRUE(reassembly.take(0, frame_of(pieces[2]), ports, 0).others.empty());
  EXPECT_EQ(reassembly.take(0, frame_of(pieces[0]), ports, 0).others.size(), 2U);
  EXPECT_EQ(reassembly.take(0, frame_of(pieces[1]), ports, 0).others.size(), 1U);
  EXPECT_EQ(reassembly.bytes(), 0U);
}

TEST(Cut, OptionsThatAreCopiedStandInEachPiece) {
  // A router alert (copied), a record route (not), the end.
  Bytes packet = datagram(false, 600);
  const Bytes options{0x94, 4, 0, 0, 7, 7, 4, 1, 2, 3, 4, 0};
  packet.insert(packet.begin() + 20, options.begin(), options.end());
  packet[0] = 0x48;
  put16(&packet, 2, static_cast<std::uint16_t>(packet.size()));
  put16(&packet, 10, 0);
  put16(&packet, 10, internet_sum(cut(packet, 0, 32)));
  const auto pieces = wire::cut(packet_of(packet), 400, 0);
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[0][0], std::byte{0x48});
  EXPECT_EQ(pieces[1][0], std::byte{0x46});
  EXPECT_EQ(pieces[1][20], std::byte{0x94});
}

}  // namespace
}  // namespace gotthard::packet_test
