// Frames of throughput runs: what is sent is found again after a router has forwarded it, and
// nothing else passes for it.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "dataplane/wire/icmp.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "perf/line_rate/frame.h"
#include "perf/line_rate/frame_size.h"
#include "perf/line_rate/neighbour.h"
#include "perf/line_rate/sequence.h"

namespace gotthard::perf::line_rate {
namespace {

using Bytes = std::vector<std::byte>;

constexpr wire::Mac kA{2, 0, 0, 0, 0, 1};
constexpr wire::Mac kB{2, 0, 0, 0, 0, 2};
constexpr wire::Mac kNear{2, 0, 0, 0, 1, 1};
constexpr wire::Mac kFar{2, 0, 0, 0, 1, 2};
constexpr std::size_t kEthernet = sizeof(wire::EthernetHeader);

abi::Address v4(std::uint8_t third, std::uint8_t last) {
  return {.family = abi::Family::ipv4, .bytes = {10, 1, third, last}};
}

abi::Address v6(std::uint8_t net, std::uint8_t last) {
  abi::Address address{.family = abi::Family::ipv6, .bytes = {0xfd, net}};
  address.bytes[15] = last;
  return address;
}

std::vector<Flow> flows() {
  return {{.from = 0,
           .to = 1,
           .source = v4(1, 2),
           .destination = v4(2, 2),
           .source_port = 50000,
           .destination_port = 9},
          {.from = 1,
           .to = 0,
           .source = v4(2, 2),
           .destination = v4(1, 2),
           .source_port = 50000,
           .destination_port = 9},
          {.from = 0,
           .to = 1,
           .source = v6(1, 2),
           .destination = v6(2, 2),
           .source_port = 50001,
           .destination_port = 9}};
}

FrameFormat format(std::uint32_t run = 0xabcdef01) {
  return {run, flows(), {{.own = kA, .gateway = kNear}, {.own = kB, .gateway = kFar}}};
}

Bytes written(const FrameFormat& format, const FrameNumbers& numbers, std::size_t length) {
  Bytes frame(length);
  format.write(frame.data(), numbers, length);
  return frame;
}

// As the device at the other end gives it to the flow's port.
Bytes forwarded(Bytes frame, const wire::Mac& from, const wire::Mac& to) {
  auto* header = reinterpret_cast<wire::EthernetHeader*>(frame.data());
  header->source = from;
  header->destination = to;
  std::byte* ip = &frame[kEthernet];
  if (header->type.get() == wire::kEtherIpv4) {
    wire::decrement_ttl(reinterpret_cast<wire::Ipv4Header*>(ip));
  } else {
    --reinterpret_cast<wire::Ipv6Header*>(ip)->hop_limit;
  }
  return frame;
}

TEST(Frame, IsWhatReceiversOfUdpExpect) {
  const FrameFormat sender = format();
  for (const std::uint16_t flow : {0, 2}) {
    const abi::Family family = sender.flows()[flow].source.family;
    for (std::size_t length = least_frame(family); length < 1515; ++length) {
      Bytes frame = written(sender, {.trial = 3, .flow = flow, .sequence = 77 + length}, length);
      const auto packet = wire::parse_ip(std::span(frame).subspan(kEthernet));
      ASSERT_TRUE(packet);
      EXPECT_EQ(packet->length + kEthernet, length);
      std::byte* ip = &frame[kEthernet];
      if (family == abi::Family::ipv4) {
        EXPECT_TRUE(wire::ipv4_checksum_ok(*reinterpret_cast<wire::Ipv4Header*>(ip), 20));
      }
      auto* udp = reinterpret_cast<wire::UdpHeader*>(ip + packet->header_length);
      const std::uint16_t checksum = udp->checksum.get();
      udp->checksum.set(0);
      ASSERT_EQ(checksum, wire::udp_checksum(ip, family, udp)) << length;
    }
  }
}

TEST(Frame, IsFoundAgainBehindARouter) {
  const FrameFormat sender = format();
  for (const std::uint16_t flow : {0, 1, 2}) {
    const bool there = sender.flows()[flow].to == 1;
    for (const std::uint64_t sequence : {std::uint64_t{0}, std::uint64_t{1}, kMostSequence - 1}) {
      for (const std::size_t length : {std::size_t{80}, std::size_t{1514}, std::size_t{9614}}) {
        const Bytes frame =
            forwarded(written(sender, {.trial = 9, .flow = flow, .sequence = sequence}, length),
                      there ? kFar : kNear, there ? kB : kA);
        const Finding finding = sender.find(frame, there ? 1 : 0);
        ASSERT_EQ(finding.found, Found::ours);
        EXPECT_EQ(finding.numbers.trial, 9);
        EXPECT_EQ(finding.numbers.flow, flow);
        EXPECT_EQ(finding.numbers.sequence, sequence);
      }
    }
  }
}

TEST(Frame, TheSmallestIsPaddedByNobodyButMayBe) {
  const FrameFormat sender = format();
  EXPECT_EQ(least_frame(abi::Family::ipv4) + kFrameCheck, kLeastFrame);
  Bytes frame = forwarded(written(sender, {.flow = 0}, 60), kFar, kB);
  EXPECT_EQ(sender.find(frame, 1).found, Found::ours);
  frame.resize(70);
  EXPECT_EQ(sender.find(frame, 1).found, Found::ours);
}

TEST(Frame, AnyChangedByteIsNoticed) {
  const FrameFormat sender = format();
  std::mt19937 random(1);
  for (const std::uint16_t flow : {0, 2}) {
    const bool is_v4 = flow == 0;
    // Hops, class, identification, flow label: routers may change them. IPv4's are under a
    // checksum.
    const std::set<std::size_t> free6{15, 16, 17, 21};
    const Bytes right = forwarded(written(sender, {.flow = flow, .sequence = 5}, 300), kFar, kB);
    for (std::size_t i = kEthernet; i < right.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        Bytes frame = right;
        frame[i] ^= static_cast<std::byte>(1 << bit);
        const Found found = sender.find(frame, 1).found;
        const bool may_change = !is_v4 && (free6.contains(i) || (i == 14 && bit < 4));
        EXPECT_EQ(found == Found::ours, may_change) << i << " bit " << bit;
      }
    }
  }
}

TEST(Frame, CutOrLengthenedOnesAreNoticed) {
  const FrameFormat sender = format();
  const Bytes right = forwarded(written(sender, {.flow = 0, .sequence = 5}, 300), kFar, kB);
  for (std::size_t length = 0; length < right.size(); ++length) {
    EXPECT_NE(sender.find(std::span(right).first(length), 1).found, Found::ours);
  }
  // With all lengths and checksums made to fit.
  for (const int change : {-20, -1, 1, 20}) {
    Bytes frame = right;
    frame.resize(frame.size() + 40);
    auto* ip = reinterpret_cast<wire::Ipv4Header*>(&frame[kEthernet]);
    auto* udp = reinterpret_cast<wire::UdpHeader*>(ip + 1);
    ip->total_length.set(static_cast<std::uint16_t>(ip->total_length.get() + change));
    ip->checksum.set(0);
    ip->checksum.set(wire::ipv4_checksum(*ip));
    udp->length.set(static_cast<std::uint16_t>(udp->length.get() + change));
    udp->checksum.set(0);
    udp->checksum.set(wire::udp_checksum(&frame[kEthernet], abi::Family::ipv4, udp));
    EXPECT_EQ(sender.find(frame, 1).found, Found::corrupt) << change;
  }
}

TEST(Frame, APayloadOfAnotherIsNoticed) {
  const FrameFormat sender = format();
  const Bytes first = forwarded(written(sender, {.flow = 0, .sequence = 5}, 300), kFar, kB);
  const Bytes second = forwarded(written(sender, {.flow = 0, .sequence = 6}, 300), kFar, kB);
  Bytes mixed = first;
  std::copy(second.begin() + 60, second.end(), mixed.begin() + 60);
  EXPECT_EQ(sender.find(mixed, 1).found, Found::corrupt);
}

TEST(Frame, OthersAreToldApart) {
  const FrameFormat sender = format();
  const Bytes sent = written(sender, {.flow = 0}, 100);
  EXPECT_EQ(sender.find(forwarded(sent, kNear, kA), 0).found, Found::astray);
  EXPECT_EQ(sender.find(sent, 1).found, Found::background);  // for another host
  EXPECT_EQ(format(7).find(forwarded(sent, kFar, kB), 1).found, Found::foreign);
  EXPECT_EQ(sender.find({}, 1).found, Found::foreign);

  Bytes broadcast = forwarded(sent, kFar, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  EXPECT_EQ(sender.find(broadcast, 1).found, Found::background);

  Bytes piece = forwarded(sent, kFar, kB);
  auto* ip = reinterpret_cast<wire::Ipv4Header*>(&piece[kEthernet]);
  ip->fragment.set(0x2000);
  EXPECT_EQ(sender.find(piece, 1).found, Found::piece);
}

Bytes answered(const Bytes& sent, wire::IcmpError error, const abi::Address& from) {
  const auto inner = std::span(sent).subspan(kEthernet);
  const std::size_t quoted = wire::icmp_error_quote(from.family, inner.size());
  Bytes frame(kEthernet + wire::icmp_error_headers(from.family) + quoted);
  auto* ethernet = reinterpret_cast<wire::EthernetHeader*>(frame.data());
  ethernet->destination = kA;
  ethernet->source = kNear;
  ethernet->type.set(from.family == abi::Family::ipv4 ? wire::kEtherIpv4 : wire::kEtherIpv6);
  std::byte* message = &frame[kEthernet];
  std::copy_n(inner.begin(), quoted, message + wire::icmp_error_headers(from.family));
  wire::write_icmp_error(message, from, quoted, error, 1400);
  return frame;
}

TEST(Frame, ErrorsOfTheDeviceAreTold) {
  const FrameFormat sender = format();
  for (const std::uint16_t flow : {0, 2}) {
    const Bytes sent = written(sender, {.flow = flow}, 1000);
    const abi::Address from = flow == 0 ? v4(1, 1) : v6(1, 1);
    EXPECT_EQ(sender.find(answered(sent, wire::IcmpError::too_big, from), 0).found, Found::too_big);
    EXPECT_EQ(sender.find(answered(sent, wire::IcmpError::network_unreachable, from), 0).found,
              Found::error);
  }
}

TEST(FrameSize, TheMixIsWhatItIsSaidToBe) {
  std::map<std::uint32_t, int> counts;
  for (std::uint64_t i = 0; i < 48; ++i) {
    ++counts[FrameSize().at(i)];
  }
  EXPECT_EQ(counts, (std::map<std::uint32_t, int>{{64, 28}, {570, 16}, {1518, 4}}));
  EXPECT_NEAR(FrameSize().mean(), (28 * 64 + 16 * 570 + 4 * 1518) / 48.0, 1e-9);
  EXPECT_EQ(FrameSize().name(), "imix");
  EXPECT_EQ(FrameSize(128).at(17), 128U);
  EXPECT_EQ(FrameSize(128).mean(), 128);
}

TEST(Sequence, CountsWhatComesTwiceOrLate) {
  Sequence sequence;
  ASSERT_TRUE(sequence.expect(1000));
  Arrivals arrivals;
  for (const std::uint64_t number : {0, 1, 3, 2, 3, 999, 500, 500, 501}) {
    EXPECT_TRUE(sequence.take(number, &arrivals));
  }
  EXPECT_FALSE(sequence.take(1000, &arrivals));
  EXPECT_EQ(arrivals.received, 7U);
  EXPECT_EQ(arrivals.duplicates, 2U);
  EXPECT_EQ(arrivals.reordered, 3U);  // 2, 500 and 501
  ASSERT_TRUE(sequence.expect(1000));
  EXPECT_TRUE(sequence.take(3, &arrivals));
  EXPECT_EQ(arrivals.received, 8U);
}

TEST(Neighbour, TwoOfThemFindEachOther) {
  const Neighbour a(kA, {v4(1, 2), v6(1, 2)});
  const Neighbour b(kB, {v4(1, 1), v6(1, 1)});
  for (const abi::Address& wanted : {v4(1, 1), v6(1, 1)}) {
    const auto question = a.question(wanted);
    ASSERT_TRUE(question);
    EXPECT_FALSE(a.answer(*question));
    const auto answer = b.answer(*question);
    ASSERT_TRUE(answer);
    EXPECT_EQ(a.learn(*answer, wanted), kB);
    EXPECT_EQ(a.learn(*answer, v4(1, 9)), std::nullopt);
    EXPECT_EQ(format().find(*question, 1).found, Found::neighbour);
    EXPECT_EQ(format().find(*answer, 0).found, Found::neighbour);
    EXPECT_EQ(reinterpret_cast<const wire::EthernetHeader*>(answer->data())->destination, kA);
  }
  EXPECT_FALSE(b.answer(*a.question(v4(1, 77))));
  EXPECT_FALSE(Neighbour(kA, {v4(1, 2)}).question(v6(1, 1)));
}

TEST(Neighbour, WhoLooksForAFreeAddressIsTold) {
  const Neighbour a(kA, {v6(1, 2)});
  Bytes question = *Neighbour(kB, {v6(1, 9)}).question(v6(1, 2));
  auto* ip = reinterpret_cast<wire::Ipv6Header*>(&question[kEthernet]);
  ip->source = {};
  const auto answer = a.answer(question);
  ASSERT_TRUE(answer);
  EXPECT_EQ(reinterpret_cast<const wire::EthernetHeader*>(answer->data())->destination,
            (wire::Mac{0x33, 0x33, 0, 0, 0, 1}));
}

}  // namespace
}  // namespace gotthard::perf::line_rate
