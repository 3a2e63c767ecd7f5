#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "crypto/bytes.h"
#include "crypto/secret.h"
#include "dataplane/stage/stages.h"
#include "dataplane/wire/udp.h"
#include "dataplane/wire/wireguard.h"

namespace gotthard::dataplane {
namespace {

std::span<const std::byte> message_of(const Lane& lane) {
  const std::size_t offset = lane.udp_offset + sizeof(wire::UdpHeader);
  return {lane.ip + offset, lane.length - offset};
}

std::size_t size_of_type(std::uint32_t type) {
  switch (type) {
    case wire::kWgInitiation:
      return wire::kWgInitiationSize;
    case wire::kWgResponse:
      return wire::kWgResponseSize;
    default:
      return wire::kWgCookieReplySize;
  }
}

PuntClass class_of(std::uint32_t type, std::span<const std::byte> message) {
  if (type == wire::kWgCookieReply) {
    return PuntClass::cookie;
  }
  if (type == wire::kWgResponse) {
    return PuntClass::response;
  }
  static constexpr std::array<std::byte, wire::kWgMacSize> kZero{};
  const bool mac2 =
      std::memcmp(message.last(wire::kWgMacSize).data(), kZero.data(), wire::kWgMacSize) != 0;
  return mac2 ? PuntClass::initiation_with_mac2 : PuntClass::initiation;
}

// mac1 proves that the sender knows our public key (5.4.4): what fails costs control nothing.
// Cookie replies have none; they are authenticated by what they answer.
bool mac1_ok(std::span<const std::byte> message, const TopologyInterface& interface,
             crypto::Blake2sMac* mac) {
  const auto covered = message.first(message.size() - 2 * wire::kWgMacSize);
  const crypto::Mac expected = mac->mac(crypto::bytes_of(interface.mac1_key), covered);
  return crypto::equal(crypto::bytes_of(expected),
                       message.subspan(covered.size(), wire::kWgMacSize));
}

// Headers of IKE (RFC 7296, 3.1): without a responder's SPI no SA is meant.
Drop check_ike(std::span<const std::byte> message, bool marked, WorkerContext* worker,
               PuntClass* punt_class) {
  constexpr std::size_t kMarker = 4, kHeader = 28, kResponder = 8, kSpi = 8;
  if (message.size() < kHeader + (marked ? kMarker : 0)) {
    return Drop::ike_bad_length;
  }
  const auto header = message.subspan(marked ? kMarker : 0);
  static constexpr std::array<std::byte, kSpi> kNone{};
  const bool first = std::memcmp(header.data() + kResponder, kNone.data(), kSpi) == 0;
  *punt_class = first ? PuntClass::ike_first : PuntClass::ike_later;
  return worker->police.take(*punt_class, worker->now_tsc) ? Drop::none : Drop::ike_policed;
}

Drop check(const Lane& lane, WorkerContext* worker, PuntClass* punt_class) {
  const auto message = message_of(lane);
  if (worker->topology->interfaces[lane.interface].kind == abi::TunnelKind::ipsec) {
    const auto* udp = reinterpret_cast<const wire::UdpHeader*>(lane.ip + lane.udp_offset);
    return check_ike(message, udp->destination.raw() != htons(abi::kIkePort), worker, punt_class);
  }
  const std::uint32_t type = reinterpret_cast<const wire::Little32*>(message.data())->get();
  if (message.size() != size_of_type(type)) {
    return Drop::wg_bad_length;
  }
  if (type != wire::kWgCookieReply &&
      !mac1_ok(message, worker->topology->interfaces[lane.interface], worker->mac)) {
    return Drop::wg_bad_mac1;
  }
  *punt_class = class_of(type, message);
  return worker->police.take(*punt_class, worker->now_tsc) ? Drop::none : Drop::wg_policed;
}

}  // namespace

void punt(Burst* burst, WorkerContext* worker) {
  for (const std::uint32_t i : burst->to_punt) {
    Lane* lane = &burst->lanes[i];
    PuntClass punt_class = PuntClass::initiation;
    if (const Drop reason = check(*lane, worker, &punt_class); reason != Drop::none) {
      drop_packet(lane, reason, worker->counters);
      continue;
    }
    rte_mbuf* mbuf = lane->mbuf;
    rte_pktmbuf_adj(mbuf,
                    static_cast<std::uint16_t>(lane->ip - rte_pktmbuf_mtod(mbuf, std::byte*)));
    *packet_note(mbuf) = PacketNote{.kind = NoteKind::punt,
                                    .origin = lane->origin,
                                    .punt_class = punt_class,
                                    .port = lane->port,
                                    .interface = lane->interface};
    burst->to_host.push(i);
  }
}

}  // namespace gotthard::dataplane
