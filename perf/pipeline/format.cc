#include "perf/pipeline/format.h"

#include <algorithm>
#include <cstring>

#include "dataplane/wire/esp.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "dataplane/wire/wireguard.h"

namespace gotthard::perf::pipeline {
namespace {

using wire::EspHeader;
using wire::Ipv4Header;
using wire::Ipv6Header;
using wire::UdpHeader;
using wire::WgDataHeader;

constexpr std::uint8_t kTtl = 64;

}  // namespace

void write_ip(std::byte* ip, const abi::Address& from, const abi::Address& to,
              std::uint8_t protocol, std::size_t payload) {
  if (from.family == abi::Family::ipv4) {
    Ipv4Header header{.version_ihl = 0x45, .ttl = kTtl, .protocol = protocol};
    header.total_length.set(static_cast<std::uint16_t>(sizeof(header) + payload));
    std::memcpy(&header.source, from.bytes.data(), 4);
    std::memcpy(&header.destination, to.bytes.data(), 4);
    header.checksum.set(wire::ipv4_checksum(header));
    std::memcpy(ip, &header, sizeof(header));
    return;
  }
  Ipv6Header header{
      .next_header = protocol, .hop_limit = kTtl, .source = from.bytes, .destination = to.bytes};
  header.version_class_flow.set(0x60000000);
  header.payload_length.set(static_cast<std::uint16_t>(payload));
  std::memcpy(ip, &header, sizeof(header));
}

Format::Format(const Scenario& scenario)
    : scenario_(scenario),
      ip_(scenario.outer == abi::Family::ipv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header)) {
  const bool esp = scenario.protocol == Protocol::esp;
  udp_ = esp && !scenario.nat_t ? 0 : sizeof(UdpHeader);
  header_ = esp ? sizeof(EspHeader) : sizeof(WgDataHeader);
  iv_ = esp ? crypto::iv_size(scenario.suite()) : 0;
  tag_ = crypto::tag_size(scenario.suite());
}

std::size_t Format::text_length(std::size_t inner) const {
  if (scenario_.protocol == Protocol::esp) {
    return wire::esp_text_length(inner, crypto::text_alignment(scenario_.suite()));
  }
  const std::size_t mtu = std::max<std::size_t>(1420, greatest_length(scenario_));
  const std::size_t padded = (inner + wire::kWgPadding - 1) / wire::kWgPadding * wire::kWgPadding;
  return std::max(inner, std::min(padded, mtu));
}

void Format::write_front(std::byte* ip, std::uint32_t session, const Tunnel& tunnel,
                         std::uint64_t counter, std::size_t inner) const {
  const bool esp = scenario_.protocol == Protocol::esp;
  const std::size_t payload = length(inner) - ip_;
  write_ip(ip, peer_outside(scenario_.outer, session), gateway_outside(scenario_.outer),
           udp_ != 0 ? wire::kProtocolUdp : wire::kProtocolEsp, payload);
  if (udp_ != 0) {
    UdpHeader udp{};
    udp.source.set(esp ? Gateway::kNatPort : Gateway::kPeerPort);
    udp.destination.set(esp ? Gateway::kNatPort : Gateway::kListenPort);
    udp.length.set(static_cast<std::uint16_t>(payload));
    std::memcpy(ip + ip_, &udp, sizeof(udp));
  }
  std::byte* at = ip + ip_ + udp_;
  if (!esp) {
    WgDataHeader header;
    header.type.set(wire::kWgData);
    header.receiver.set(tunnel.local_id);
    header.counter.set(counter);
    std::memcpy(at, &header, sizeof(header));
    return;
  }
  EspHeader header;
  header.spi.set(tunnel.local_id);
  header.sequence.set(static_cast<std::uint32_t>(counter));
  std::memcpy(at, &header, sizeof(header));
  const std::uint64_t iv = wire::swap_bytes(counter);
  std::memcpy(at + sizeof(header), &iv, sizeof(iv));
}

void Format::write_padding(std::byte* text, std::size_t inner) const {
  const std::size_t padding = text_length(inner) - inner;
  if (scenario_.protocol == Protocol::esp) {
    const bool v4 = scenario_.inner == abi::Family::ipv4;
    wire::write_esp_trailer({text + inner, padding},
                            v4 ? wire::kNextHeaderIpv4 : wire::kNextHeaderIpv6);
  } else {
    std::memset(text + inner, 0, padding);
  }
}

bool Format::read_front(std::span<const std::byte> ip, Found* found) const {
  const bool esp = scenario_.protocol == Protocol::esp;
  const auto packet = wire::parse_ip(ip);
  if (!packet || packet->family != scenario_.outer || packet->length != ip.size() ||
      packet->protocol != (udp_ != 0 ? wire::kProtocolUdp : wire::kProtocolEsp) ||
      ip.size() < text_offset() + tag_) {
    return false;
  }
  if (packet->family == abi::Family::ipv4 &&
      !wire::ipv4_checksum_ok(*reinterpret_cast<const Ipv4Header*>(ip.data()), ip_)) {
    return false;
  }
  if (udp_ != 0) {
    UdpHeader udp;
    std::memcpy(&udp, ip.data() + ip_, sizeof(udp));
    const std::uint16_t stands = udp.checksum.get();
    if (udp.length.get() != ip.size() - ip_ ||
        (stands == 0) != (packet->family == abi::Family::ipv4)) {
      return false;
    }
  }
  const std::byte* at = ip.data() + ip_ + udp_;
  if (!esp) {
    WgDataHeader header;
    std::memcpy(&header, at, sizeof(header));
    *found = {.id = header.receiver.get(), .counter = header.counter.get()};
    return header.type.get() == wire::kWgData;
  }
  EspHeader header;
  std::memcpy(&header, at, sizeof(header));
  *found = {.id = header.spi.get(), .counter = header.sequence.get()};
  return true;
}

crypto::AeadJob Format::job(std::byte* text, std::size_t text_length, const crypto::AeadKey* key,
                            const Keys& keys, const Found& numbers, Aad* aad) const {
  crypto::AeadJob job{.key = key,
                      .text = text,
                      .length = static_cast<std::uint32_t>(text_length),
                      .tag = text + text_length};
  if (scenario_.protocol == Protocol::wireguard) {
    std::memcpy(job.nonce.data() + 4, &numbers.counter, sizeof(numbers.counter));
    return job;
  }
  EspHeader header;
  header.spi.set(numbers.id);
  header.sequence.set(static_cast<std::uint32_t>(numbers.counter));
  std::memcpy(aad->data(), &header, sizeof(header));
  job.aad = aad->data();
  job.aad_length = sizeof(header);
  std::memcpy(job.nonce.data(), keys.salt.data(), keys.salt.size());
  const std::uint64_t iv = wire::swap_bytes(numbers.counter);
  std::memcpy(job.nonce.data() + 4, &iv, sizeof(iv));
  return job;
}

}  // namespace gotthard::perf::pipeline
