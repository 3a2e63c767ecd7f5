#include "perf/line_rate/neighbour.h"

#include <algorithm>
#include <cstring>

#include "dataplane/wire/icmp.h"
#include "dataplane/wire/ip.h"
#include "perf/line_rate/checksum.h"

namespace gotthard::perf::line_rate {
namespace {

using Frame = Neighbour::Frame;

struct Arp {
  wire::Big16 hardware;
  wire::Big16 protocol;
  std::uint8_t hardware_length;
  std::uint8_t protocol_length;
  wire::Big16 operation;
  wire::Mac sender_mac;
  std::array<std::uint8_t, 4> sender;
  wire::Mac target_mac;
  std::array<std::uint8_t, 4> target;
};
static_assert(sizeof(Arp) == 28 && alignof(Arp) == 1);
constexpr std::uint16_t kRequest = 1;
constexpr std::uint16_t kReply = 2;

// Solicitation and advertisement alike, with one option: a link-layer address.
struct Discovery {
  wire::Ipv6Header ip;
  wire::IcmpHeader icmp;  // rest: an advertisement's flags
  std::array<std::uint8_t, 16> target;
  std::uint8_t option;
  std::uint8_t option_length;  // in units of 8 bytes
  wire::Mac mac;
};
static_assert(sizeof(Discovery) == 72 && alignof(Discovery) == 1);
constexpr std::size_t kWithoutOption = 64;
constexpr std::uint8_t kSolicitation = 135;
constexpr std::uint8_t kAdvertisement = 136;
constexpr std::uint8_t kSourceAddress = 1;
constexpr std::uint8_t kTargetAddress = 2;
constexpr std::uint32_t kSolicitedOverride = 0x60000000;

constexpr wire::Mac kAll{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr std::array<std::uint8_t, 16> kAllNodes{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

wire::Mac mac_of_group(const std::array<std::uint8_t, 16>& group) {
  return {0x33, 0x33, group[12], group[13], group[14], group[15]};
}

template <typename Packet>
Frame frame_of(const wire::Mac& to, const wire::Mac& from, std::uint16_t type,
               const Packet& packet) {
  wire::EthernetHeader header{.destination = to, .source = from};
  header.type.set(type);
  Frame frame(sizeof(header) + sizeof(packet));
  std::memcpy(frame.data(), &header, sizeof(header));
  std::memcpy(&frame[sizeof(header)], &packet, sizeof(packet));
  return frame;
}

template <typename Packet>
std::optional<Packet> read(std::span<const std::byte> frame, std::uint16_t type,
                           std::size_t least) {
  wire::EthernetHeader header;
  if (frame.size() < sizeof(header) + least) {
    return std::nullopt;
  }
  std::memcpy(&header, frame.data(), sizeof(header));
  if (header.type.get() != type) {
    return std::nullopt;
  }
  Packet packet{};
  std::memcpy(&packet, &frame[sizeof(header)],
              std::min(sizeof(packet), frame.size() - sizeof(header)));
  return packet;
}

std::optional<Arp> read_arp(std::span<const std::byte> frame, std::uint16_t operation) {
  const auto arp = read<Arp>(frame, wire::kEtherArp, sizeof(Arp));
  const bool right = arp && arp->hardware.get() == 1 && arp->protocol.get() == wire::kEtherIpv4 &&
                     arp->hardware_length == 6 && arp->protocol_length == 4 &&
                     arp->operation.get() == operation;
  return right ? arp : std::nullopt;
}

// RFC 4861 7.1: nobody beyond the link can have sent it.
std::optional<Discovery> read_discovery(std::span<const std::byte> frame, std::uint8_t type) {
  const auto found = read<Discovery>(frame, wire::kEtherIpv6, kWithoutOption);
  const bool right = found && found->ip.version_class_flow.get() >> 28 == 6 &&
                     found->ip.next_header == wire::kProtocolIcmpv6 && found->ip.hop_limit == 255 &&
                     found->icmp.type == type && found->icmp.code == 0;
  return right ? found : std::nullopt;
}

Discovery discovery(std::uint8_t type, std::uint8_t option, const wire::Mac& mac,
                    const std::array<std::uint8_t, 16>& from,
                    const std::array<std::uint8_t, 16>& to,
                    const std::array<std::uint8_t, 16>& target) {
  Discovery result{};
  constexpr std::size_t kMessage = sizeof(result) - sizeof(result.ip);
  result.ip.version_class_flow.set(0x60000000);
  result.ip.payload_length.set(kMessage);
  result.ip.next_header = wire::kProtocolIcmpv6;
  result.ip.hop_limit = 255;
  result.ip.source = from;
  result.ip.destination = to;
  result.icmp.type = type;
  result.icmp.rest.set(type == kAdvertisement ? kSolicitedOverride : 0);
  result.target = target;
  result.option = option;
  result.option_length = 1;
  result.mac = mac;
  const std::uint64_t sum = sum_of(from.data(), from.size()) + sum_of(to.data(), to.size()) +
                            in_wire_order(kMessage) + in_wire_order(wire::kProtocolIcmpv6) +
                            sum_of(&result.icmp, kMessage);
  result.icmp.checksum.set_raw(static_cast<std::uint16_t>(~folded(sum)));
  return result;
}

abi::Address address4(const std::array<std::uint8_t, 4>& bytes) {
  abi::Address address{.family = abi::Family::ipv4};
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

abi::Address address6(const std::array<std::uint8_t, 16>& bytes) {
  return {.family = abi::Family::ipv6, .bytes = bytes};
}

std::array<std::uint8_t, 4> bytes4(const abi::Address& address) {
  return {address.bytes[0], address.bytes[1], address.bytes[2], address.bytes[3]};
}

}  // namespace

Neighbour::Neighbour(const wire::Mac& own, std::vector<abi::Address> addresses)
    : own_(own), addresses_(std::move(addresses)) {}

bool Neighbour::is_ours(const abi::Address& address) const {
  return std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end();
}

std::optional<Frame> Neighbour::answer(std::span<const std::byte> frame) const {
  if (auto reply = answer_arp(frame)) {
    return reply;
  }
  return answer_solicitation(frame);
}

std::optional<Frame> Neighbour::answer_arp(std::span<const std::byte> frame) const {
  const auto asked = read_arp(frame, kRequest);
  if (!asked || !is_ours(address4(asked->target))) {
    return std::nullopt;
  }
  Arp reply = *asked;
  reply.operation.set(kReply);
  reply.sender_mac = own_;
  reply.sender = asked->target;
  reply.target_mac = asked->sender_mac;
  reply.target = asked->sender;
  return frame_of(asked->sender_mac, own_, wire::kEtherArp, reply);
}

std::optional<Frame> Neighbour::answer_solicitation(std::span<const std::byte> frame) const {
  const auto asked = read_discovery(frame, kSolicitation);
  if (!asked || !is_ours(address6(asked->target))) {
    return std::nullopt;
  }
  // Who looks whether its own address is free has none to be answered at (RFC 4862).
  const bool has_address = asked->ip.source != std::array<std::uint8_t, 16>{};
  wire::EthernetHeader header;
  std::memcpy(&header, frame.data(), sizeof(header));
  const auto& to = has_address ? asked->ip.source : kAllNodes;
  return frame_of(
      has_address ? header.source : mac_of_group(kAllNodes), own_, wire::kEtherIpv6,
      discovery(kAdvertisement, kTargetAddress, own_, asked->target, to, asked->target));
}

std::optional<Frame> Neighbour::question(const abi::Address& wanted) const {
  const auto own = std::find_if(addresses_.begin(), addresses_.end(),
                                [&](const abi::Address& a) { return a.family == wanted.family; });
  if (own == addresses_.end()) {
    return std::nullopt;
  }
  if (wanted.family == abi::Family::ipv4) {
    Arp arp{};
    arp.hardware.set(1);
    arp.protocol.set(wire::kEtherIpv4);
    arp.hardware_length = 6;
    arp.protocol_length = 4;
    arp.operation.set(kRequest);
    arp.sender_mac = own_;
    arp.sender = bytes4(*own);
    arp.target = bytes4(wanted);
    return frame_of(kAll, own_, wire::kEtherArp, arp);
  }
  // The group of all whose address ends alike (RFC 4291 2.7.1).
  std::array<std::uint8_t, 16> group{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0};
  std::copy(wanted.bytes.begin() + 13, wanted.bytes.end(), group.begin() + 13);
  return frame_of(mac_of_group(group), own_, wire::kEtherIpv6,
                  discovery(kSolicitation, kSourceAddress, own_, own->bytes, group, wanted.bytes));
}

std::optional<wire::Mac> Neighbour::learn(std::span<const std::byte> frame,
                                          const abi::Address& wanted) const {
  if (const auto arp = read_arp(frame, kReply); arp && address4(arp->sender) == wanted) {
    return arp->sender_mac;
  }
  const auto found = read_discovery(frame, kAdvertisement);
  if (!found || address6(found->target) != wanted) {
    return std::nullopt;
  }
  if (found->option == kTargetAddress && found->option_length == 1) {
    return found->mac;
  }
  wire::EthernetHeader header;
  std::memcpy(&header, frame.data(), sizeof(header));
  return header.source;
}

}  // namespace gotthard::perf::line_rate
