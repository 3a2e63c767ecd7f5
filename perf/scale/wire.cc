#include "perf/scale/wire.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "dataplane/wire/wireguard.h"
#include "perf/pipeline/format.h"

namespace gotthard::perf::scale {
namespace {

using abi::Family;
using pipeline::Gateway;

constexpr std::size_t kHeaders =
    sizeof(wire::EthernetHeader) + sizeof(wire::Ipv4Header) + sizeof(wire::UdpHeader);

// The reverse of pipeline::peer_outside().
std::uint32_t peer_at(std::uint32_t address) { return address & 0xffff; }

}  // namespace

Result<std::unique_ptr<Wire>> Wire::create(Gateway* gateway) {
  auto engine = crypto::AeadEngine::create(crypto::Backend::automatic);
  if (!engine) {
    return tl::unexpected(engine.error());
  }
  return std::unique_ptr<Wire>(new Wire(gateway, std::move(*engine)));
}

void Wire::receive(
    const std::function<void(std::uint32_t peer, std::span<const std::byte>)>& each) {
  std::array<rte_mbuf*, dataplane::kBurst> mbufs;
  for (;;) {
    const std::uint32_t count = gateway_->wan().take(0, mbufs);
    if (count == 0) {
      return;
    }
    for (rte_mbuf* mbuf : std::span(mbufs).first(count)) {
      const std::span frame(rte_pktmbuf_mtod(mbuf, const std::byte*), rte_pktmbuf_data_len(mbuf));
      if (frame.size() > kHeaders) {
        wire::Ipv4Header ip;
        std::memcpy(&ip, frame.data() + sizeof(wire::EthernetHeader), sizeof(ip));
        const std::size_t end = sizeof(wire::EthernetHeader) + ip.total_length.get();
        each(peer_at(ip.destination.get()),
             frame.first(std::min(frame.size(), end)).subspan(kHeaders));
      }
    }
    rte_pktmbuf_free_bulk(mbufs.data(), count);
  }
}

bool Wire::send_keepalive(std::uint32_t peer, const RemotePeer& from) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(gateway_->pool());
  if (mbuf == nullptr) {
    return false;
  }
  auto* frame =
      reinterpret_cast<std::byte*>(rte_pktmbuf_append(mbuf, kHeaders + wire::kWgDataMinimum));
  wire::EthernetHeader ethernet{.destination = gateway_->wan_mac(), .source = Gateway::kRouterMac};
  ethernet.type.set(wire::kEtherIpv4);
  std::memcpy(frame, &ethernet, sizeof(ethernet));
  std::byte* ip = frame + sizeof(ethernet);
  const std::size_t length = sizeof(wire::UdpHeader) + wire::kWgDataMinimum;
  pipeline::write_ip(ip, pipeline::peer_outside(Family::ipv4, peer),
                     pipeline::gateway_outside(Family::ipv4), wire::kProtocolUdp, length);
  wire::UdpHeader udp{};
  udp.source.set(Gateway::kPeerPort);
  udp.destination.set(Gateway::kListenPort);
  udp.length.set(static_cast<std::uint16_t>(length));
  std::memcpy(ip + sizeof(wire::Ipv4Header), &udp, sizeof(udp));
  wire::WgDataHeader header{};
  header.type.set(wire::kWgData);
  header.receiver.set(from.remote_id());
  std::byte* data = frame + kHeaders;
  std::memcpy(data, &header, sizeof(header));
  crypto::AeadKey key;
  if (!engine_.expand(crypto::Suite::chacha20_poly1305, from.keys().send.bytes(), key)) {
    rte_pktmbuf_free(mbuf);
    return false;
  }
  std::byte* tag = data + sizeof(header);
  const crypto::AeadJob job{.key = &key, .text = tag, .length = 0, .tag = tag};
  engine_.seal(std::span(&job, 1));
  gateway_->wan().give(0, {&mbuf, 1});
  return true;
}

abi::PacketRecord punted(std::uint32_t peer, std::span<const std::byte> datagram) {
  abi::PacketRecord record{.length = static_cast<std::uint16_t>(datagram.size()),
                           .remote_port = htons(Gateway::kPeerPort),
                           .local_port = htons(Gateway::kListenPort),
                           .remote = pipeline::peer_outside(Family::ipv4, peer),
                           .local = pipeline::gateway_outside(Family::ipv4)};
  std::copy(datagram.begin(), datagram.end(), record.payload.begin());
  return record;
}

}  // namespace gotthard::perf::scale
