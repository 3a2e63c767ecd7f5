#include "perf/line_rate/frame.h"

#include <algorithm>
#include <cstring>

#include "dataplane/wire/icmp.h"
#include "perf/line_rate/checksum.h"

namespace gotthard::perf::line_rate {
namespace {

constexpr std::size_t kEthernet = sizeof(wire::EthernetHeader);
constexpr std::size_t kBehindIp = sizeof(wire::UdpHeader) + sizeof(Tag);

std::size_t ip_length_of(abi::Family family) {
  return family == abi::Family::ipv4 ? sizeof(wire::Ipv4Header) : sizeof(wire::Ipv6Header);
}

void write_ipv4(std::byte* ip, const Flow& flow) {
  wire::Ipv4Header header{};
  header.version_ihl = 0x45;
  header.fragment.set(wire::kIpv4DontFragment);
  header.ttl = 64;
  header.protocol = wire::kProtocolUdp;
  std::memcpy(&header.source, flow.source.bytes.data(), sizeof(header.source));
  std::memcpy(&header.destination, flow.destination.bytes.data(), sizeof(header.destination));
  std::memcpy(ip, &header, sizeof(header));
}

void write_ipv6(std::byte* ip, const Flow& flow) {
  wire::Ipv6Header header{};
  header.version_class_flow.set(0x60000000);
  header.next_header = wire::kProtocolUdp;
  header.hop_limit = 64;
  header.source = flow.source.bytes;
  header.destination = flow.destination.bytes;
  std::memcpy(ip, &header, sizeof(header));
}

std::size_t place_of(std::uint64_t mixed) {
  return (mixed >> 32) % Pattern::kPlaces & ~std::size_t{1};
}

Found icmp(std::span<const std::byte> message, abi::Family family) {
  if (message.size() < sizeof(wire::IcmpHeader)) {
    return Found::foreign;
  }
  const auto type = static_cast<std::uint8_t>(message[0]);
  const auto code = static_cast<std::uint8_t>(message[1]);
  if (family == abi::Family::ipv4) {
    return type == 3 && code == 4       ? Found::too_big
           : wire::is_icmp_error4(type) ? Found::error
                                        : Found::background;
  }
  constexpr std::uint8_t kRouterSolicitation = 133;
  constexpr std::uint8_t kRedirect = 137;
  return type == 2                                          ? Found::too_big
         : type < 128                                       ? Found::error
         : type >= kRouterSolicitation && type <= kRedirect ? Found::neighbour
                                                            : Found::background;
}

}  // namespace

std::string_view name_of(Found found) {
  constexpr std::array<std::string_view, 9> kNames{"ours",    "neighbour", "background",
                                                   "too_big", "error",     "piece",
                                                   "corrupt", "astray",    "foreign"};
  return kNames[static_cast<std::size_t>(found)];
}

std::size_t least_frame(abi::Family family) { return kEthernet + ip_length_of(family) + kBehindIp; }

FrameFormat::FrameFormat(std::uint32_t run, std::vector<Flow> flows, std::vector<PortMacs> ports)
    : run_(run), flows_(std::move(flows)), ports_(std::move(ports)), pattern_(run) {
  templates_.reserve(flows_.size());
  for (const Flow& flow : flows_) {
    templates_.push_back(make_template(flow));
  }
}

FrameFormat::Template FrameFormat::make_template(const Flow& flow) const {
  Template result{};
  wire::EthernetHeader ethernet{.destination = ports_[flow.from].gateway,
                                .source = ports_[flow.from].own};
  const bool v4 = flow.source.family == abi::Family::ipv4;
  ethernet.type.set(v4 ? wire::kEtherIpv4 : wire::kEtherIpv6);
  std::memcpy(result.bytes.data(), &ethernet, sizeof(ethernet));
  std::byte* ip = &result.bytes[kEthernet];
  if (v4) {
    write_ipv4(ip, flow);
    result.ip_sum = folded(sum_of(ip, sizeof(wire::Ipv4Header)));
  } else {
    write_ipv6(ip, flow);
  }
  result.ip_length = static_cast<std::uint8_t>(ip_length_of(flow.source.family));
  wire::UdpHeader udp{};
  udp.source.set(flow.source_port);
  udp.destination.set(flow.destination_port);
  std::memcpy(ip + result.ip_length, &udp, sizeof(udp));
  const std::size_t address = v4 ? 4 : 16;
  result.udp_sum = sum_of(flow.source.bytes.data(), address) +
                   sum_of(flow.destination.bytes.data(), address) +
                   in_wire_order(wire::kProtocolUdp) + sum_of(&udp, sizeof(udp));
  return result;
}

// The tag's check is its lower half; the upper one says where the payload begins.
std::uint64_t FrameFormat::mixed(const FrameNumbers& numbers, std::size_t length) const {
  std::uint64_t value =
      std::uint64_t{run_} << 32 | std::uint64_t{numbers.trial} << 16 | numbers.flow;
  value = (value ^ (value >> 31)) * 0xbf58476d1ce4e5b9;
  value ^= numbers.sequence << 16 | (length & 0xffff);
  value = (value ^ (value >> 29)) * 0x94d049bb133111eb;
  return value ^ (value >> 32);
}

std::uint16_t FrameFormat::udp_checksum(const Template& flow, const Tag& tag, std::size_t place,
                                        std::size_t udp_length) const {
  const std::uint64_t sum = flow.udp_sum + 2 * in_wire_order(udp_length) +
                            sum_of(&tag, sizeof(tag)) + pattern_.sum(place, udp_length - kBehindIp);
  const auto checksum = static_cast<std::uint16_t>(~folded(sum));
  return checksum == 0 ? 0xffff : checksum;
}

void FrameFormat::write(std::byte* frame, const FrameNumbers& numbers, std::size_t length) const {
  const Template& flow = templates_[numbers.flow];
  const std::size_t ip_bytes = length - kEthernet;
  const std::size_t udp_bytes = ip_bytes - flow.ip_length;
  const std::uint64_t mix = mixed(numbers, udp_bytes);
  const std::size_t place = place_of(mix);
  Tag tag;
  tag.run.set(run_);
  tag.trial.set(numbers.trial);
  tag.flow.set(numbers.flow);
  tag.sequence_high.set(static_cast<std::uint16_t>(numbers.sequence >> 32));
  tag.sequence_low.set(static_cast<std::uint32_t>(numbers.sequence));
  tag.check.set(static_cast<std::uint32_t>(mix));

  std::memcpy(frame, flow.bytes.data(), kEthernet + flow.ip_length + sizeof(wire::UdpHeader));
  std::byte* ip = frame + kEthernet;
  if (flow.ip_length == sizeof(wire::Ipv4Header)) {
    auto* header = reinterpret_cast<wire::Ipv4Header*>(ip);
    header->total_length.set(static_cast<std::uint16_t>(ip_bytes));
    header->checksum.set_raw(
        static_cast<std::uint16_t>(~folded(flow.ip_sum + in_wire_order(ip_bytes))));
  } else {
    reinterpret_cast<wire::Ipv6Header*>(ip)->payload_length.set(
        static_cast<std::uint16_t>(udp_bytes));
  }
  auto* udp = reinterpret_cast<wire::UdpHeader*>(ip + flow.ip_length);
  udp->length.set(static_cast<std::uint16_t>(udp_bytes));
  udp->checksum.set_raw(udp_checksum(flow, tag, place, udp_bytes));
  std::memcpy(udp + 1, &tag, sizeof(tag));
  std::memcpy(ip + flow.ip_length + kBehindIp, pattern_.at(place), udp_bytes - kBehindIp);
}

Finding FrameFormat::find(std::span<const std::byte> frame, std::size_t port) const {
  wire::EthernetHeader header;
  if (frame.size() < sizeof(header)) {
    return {.found = Found::foreign};
  }
  std::memcpy(&header, frame.data(), sizeof(header));
  const auto ip = frame.subspan(sizeof(header));
  const std::uint16_t type = header.type.get();
  const bool to_us = header.destination == ports_[port].own;
  if (type == wire::kEtherArp) {
    return {.found = Found::neighbour};
  }
  if (type == wire::kEtherIpv6 && wire::is_group(header.destination)) {
    const auto packet = wire::parse_ip(ip);
    const bool message =
        packet && packet->family == abi::Family::ipv6 &&
        packet->protocol == wire::kProtocolIcmpv6 &&
        icmp(ip.subspan(packet->header_length), packet->family) == Found::neighbour;
    return {.found = message ? Found::neighbour : Found::background};
  }
  if (!to_us) {
    return {.found = Found::background};
  }
  return type == wire::kEtherIpv4 || type == wire::kEtherIpv6 ? find_in_ip(ip, port)
                                                              : Finding{.found = Found::foreign};
}

Finding FrameFormat::find_in_ip(std::span<const std::byte> ip, std::size_t port) const {
  const auto packet = wire::parse_ip(ip);
  if (!packet) {
    return {.found = Found::foreign};
  }
  if (packet->fragment) {
    return {.found = Found::piece};
  }
  if (packet->protocol == wire::kProtocolIcmp || packet->protocol == wire::kProtocolIcmpv6) {
    return {.found = icmp(ip.subspan(packet->header_length,
                                     std::size_t{packet->length} - packet->header_length),
                          packet->family)};
  }
  return packet->protocol == wire::kProtocolUdp ? find_in_udp(ip, *packet, port)
                                                : Finding{.found = Found::foreign};
}

Finding FrameFormat::find_in_udp(std::span<const std::byte> ip, const wire::IpPacket& packet,
                                 std::size_t port) const {
  Tag tag;
  if (packet.length < packet.header_length + kBehindIp) {
    return {.found = Found::foreign};
  }
  std::memcpy(&tag, &ip[packet.header_length + sizeof(wire::UdpHeader)], sizeof(tag));
  if (tag.run.get() != run_) {
    return {.found = Found::foreign};
  }
  const FrameNumbers numbers{
      .trial = tag.trial.get(),
      .flow = tag.flow.get(),
      .sequence = std::uint64_t{tag.sequence_high.get()} << 32 | tag.sequence_low.get()};
  if (numbers.flow >= flows_.size() || !as_sent(ip, packet, numbers)) {
    return {.found = Found::corrupt};
  }
  return {.found = flows_[numbers.flow].to == port ? Found::ours : Found::astray,
          .numbers = numbers};
}

// All but the hop count, the traffic class, IPv4's identification and the header's checksum, which
// has to be right.
bool FrameFormat::as_sent(std::span<const std::byte> ip, const wire::IpPacket& packet,
                          const FrameNumbers& numbers) const {
  const Template& flow = templates_[numbers.flow];
  const std::byte* wanted = &flow.bytes[kEthernet];
  if (packet.header_length != flow.ip_length ||
      packet.family != flows_[numbers.flow].source.family) {
    return false;
  }
  if (packet.family == abi::Family::ipv4) {
    const auto* header = reinterpret_cast<const wire::Ipv4Header*>(ip.data());
    if (!wire::ipv4_checksum_ok(*header, sizeof(*header)) ||
        std::memcmp(&header->source, wanted + offsetof(wire::Ipv4Header, source), 8) != 0) {
      return false;
    }
  } else if (std::memcmp(&ip[offsetof(wire::Ipv6Header, source)],
                         wanted + offsetof(wire::Ipv6Header, source), 32) != 0) {
    return false;
  }
  const std::size_t udp_bytes = std::size_t{packet.length} - packet.header_length;
  wire::UdpHeader udp;
  Tag tag;
  std::memcpy(&udp, &ip[packet.header_length], sizeof(udp));
  std::memcpy(&tag, &ip[packet.header_length + sizeof(udp)], sizeof(tag));
  const std::uint64_t mix = mixed(numbers, udp_bytes);
  const std::size_t place = place_of(mix);
  return tag.check.get() == static_cast<std::uint32_t>(mix) && udp.length.get() == udp_bytes &&
         udp_bytes - kBehindIp <= Pattern::kLongest &&
         std::memcmp(&udp, wanted + flow.ip_length, 2 * sizeof(wire::Big16)) == 0 &&
         udp.checksum.raw() == udp_checksum(flow, tag, place, udp_bytes) &&
         std::memcmp(&ip[packet.header_length] + kBehindIp, pattern_.at(place),
                     udp_bytes - kBehindIp) == 0;
}

}  // namespace gotthard::perf::line_rate
