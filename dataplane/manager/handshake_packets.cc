#include "dataplane/manager/handshake_packets.h"

#include <cstring>

#include "dataplane/table/peer.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"

namespace gotthard::dataplane {
namespace {

struct UdpView {
  wire::IpPacket ip;
  const wire::UdpHeader* udp = nullptr;
};

// `headers_only`: what follows the UDP header was cut off on purpose.
std::optional<UdpView> udp_view(std::span<const std::byte> bytes, bool headers_only) {
  const std::size_t ihl = bytes.empty() ? 0 : (static_cast<std::uint8_t>(bytes[0]) & 0x0f) * 4U;
  const bool v4 = !bytes.empty() && static_cast<std::uint8_t>(bytes[0]) >> 4 == 4;
  const std::size_t header_length = v4 ? ihl : sizeof(wire::Ipv6Header);
  if (bytes.size() < header_length + sizeof(wire::UdpHeader) ||
      (v4 && ihl < sizeof(wire::Ipv4Header))) {
    return std::nullopt;
  }
  UdpView view;
  if (headers_only) {
    view.ip.family = v4 ? abi::Family::ipv4 : abi::Family::ipv6;
    view.ip.header_length = static_cast<std::uint16_t>(header_length);
  } else if (const auto parsed = wire::parse_ip(bytes)) {
    view.ip = *parsed;
  } else {
    return std::nullopt;
  }
  view.udp = reinterpret_cast<const wire::UdpHeader*>(bytes.data() + header_length);
  return view;
}

}  // namespace

std::optional<abi::PacketRecord> to_record(std::span<const std::byte> ip, const PacketNote& note) {
  const auto view = udp_view(ip, false);
  if (!view) {
    return std::nullopt;
  }
  const std::size_t length = view->udp->length.get();
  const std::size_t offset = view->ip.header_length + sizeof(wire::UdpHeader);
  if (length < sizeof(wire::UdpHeader) || view->ip.header_length + length > view->ip.length ||
      length - sizeof(wire::UdpHeader) > abi::kMaxPayload) {
    return std::nullopt;
  }
  abi::PacketRecord record;
  record.interface = note.interface;
  record.port = note.port;
  record.length = static_cast<std::uint16_t>(length - sizeof(wire::UdpHeader));
  record.remote_port = view->udp->source.raw();
  record.local_port = view->udp->destination.raw();
  record.remote = wire::source_of(ip.data(), view->ip.family);
  record.local = wire::destination_of(ip.data(), view->ip.family);
  std::memcpy(record.payload.data(), ip.data() + offset, record.length);
  return record;
}

rte_mbuf* to_packet(const abi::PacketRecord& record, std::uint16_t ipv4_id, rte_mempool* pool) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
  if (mbuf == nullptr) {
    return nullptr;
  }
  const OuterTemplate outer = make_outer_template({.remote = record.remote,
                                                   .local = record.local,
                                                   .remote_port = record.remote_port,
                                                   .local_port = record.local_port,
                                                   .neighbour = record.neighbour});
  auto* ip = reinterpret_cast<std::byte*>(
      rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(outer.headers_length + record.length)));
  if (ip == nullptr) {
    rte_pktmbuf_free(mbuf);
    return nullptr;
  }
  std::memcpy(ip, outer.headers.data(), outer.headers_length);
  std::memcpy(ip + outer.headers_length, record.payload.data(), record.length);
  const auto udp_length = static_cast<std::uint16_t>(sizeof(wire::UdpHeader) + record.length);
  auto* udp =
      reinterpret_cast<wire::UdpHeader*>(ip + outer.headers_length - sizeof(wire::UdpHeader));
  udp->length.set(udp_length);
  if (record.remote.family == abi::Family::ipv4) {
    auto* header = reinterpret_cast<wire::Ipv4Header*>(ip);
    header->total_length.set(static_cast<std::uint16_t>(sizeof(*header) + udp_length));
    header->id.set(ipv4_id);
    header->checksum.set(wire::ipv4_checksum(*header));
  } else {
    reinterpret_cast<wire::Ipv6Header*>(ip)->payload_length.set(udp_length);
  }
  udp->checksum.set(wire::udp_checksum(ip, record.remote.family, udp));
  return mbuf;
}

std::optional<abi::EndpointMoved> to_move(std::span<const std::byte> ip, const PacketNote& note) {
  const auto view = udp_view(ip, true);
  if (!view) {
    return std::nullopt;
  }
  return abi::EndpointMoved{.peer = note.peer,
                            .local_id = note.local_id,
                            .remote = wire::source_of(ip.data(), view->ip.family),
                            .local = wire::destination_of(ip.data(), view->ip.family),
                            .remote_port = view->udp->source.raw()};
}

}  // namespace gotthard::dataplane
