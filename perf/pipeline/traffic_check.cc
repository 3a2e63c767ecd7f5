// Whether what came out of a worker is what went in.
#include <cstring>
#include <unordered_map>

#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/ip.h"
#include "perf/pipeline/traffic.h"

namespace gotthard::perf::pipeline {
namespace {

// The packet behind the Ethernet header; none when that is not one from `from` to `to`.
std::span<std::byte> packet_of(rte_mbuf* mbuf, const wire::Mac& to, const wire::Mac& from,
                               abi::Family family) {
  const std::span frame(rte_pktmbuf_mtod(mbuf, std::byte*), rte_pktmbuf_data_len(mbuf));
  wire::EthernetHeader header;
  if (frame.size() < sizeof(header)) {
    return {};
  }
  std::memcpy(&header, frame.data(), sizeof(header));
  const std::uint16_t type = family == abi::Family::ipv4 ? wire::kEtherIpv4 : wire::kEtherIpv6;
  return header.destination == to && header.source == from && header.type.get() == type
             ? frame.subspan(sizeof(header))
             : std::span<std::byte>{};
}

}  // namespace

std::size_t Traffic::check(std::span<rte_mbuf* const> sent, KeyRing* receiver) {
  std::unordered_map<const rte_mbuf*, std::size_t> places;
  for (std::size_t i = 0; i < mbufs_.size(); ++i) {
    places[mbufs_[i]] = i;
  }
  std::size_t right = 0;
  for (rte_mbuf* mbuf : sent) {
    const auto place = places.find(mbuf);
    if (place == places.end()) {
      continue;
    }
    const Slot slot = slots_[place->second];
    places.erase(place);  // one that was sent twice is not right
    right += (direction_ == Direction::encap ? is_sealed_right(slot, mbuf, receiver)
                                             : is_plain_right(slot, mbuf))
                 ? 1
                 : 0;
  }
  return right;
}

bool Traffic::is_sealed_right(const Slot& slot, rte_mbuf* mbuf, KeyRing* receiver) {
  const std::span<std::byte> packet =
      packet_of(mbuf, Gateway::kRouterMac, gateway_->wan_mac(), scenario_.outer);
  const Tunnel& tunnel = gateway_->tunnels()[slot.session];
  Format::Found found;
  if (packet.size() != format_.length(slot.length) || !format_.read_front(packet, &found) ||
      found.id != tunnel.remote_id) {
    return false;
  }
  Format::Aad aad;
  std::byte* text = packet.data() + format_.text_offset();
  const crypto::AeadJob job =
      format_.job(text, format_.text_length(slot.length), receiver->from_gateway(slot.session),
                  tunnel.from_gateway, found, &aad);
  return receiver->engine().open({&job, 1}) == 1 && is_forwarded(slot, {text, slot.length});
}

bool Traffic::is_plain_right(const Slot& slot, rte_mbuf* mbuf) const {
  const std::span<std::byte> packet =
      packet_of(mbuf, Gateway::kHostMac, gateway_->lan_mac(), scenario_.inner);
  return packet.size() == slot.length && is_forwarded(slot, packet);
}

// The inner packet as it was made, but for one hop.
bool Traffic::is_forwarded(const Slot& slot, std::span<const std::byte> inner) const {
  std::vector<std::byte> expected(slot.length);
  write_inner(slot, expected.data());
  if (scenario_.inner == abi::Family::ipv4) {
    wire::decrement_ttl(reinterpret_cast<wire::Ipv4Header*>(expected.data()));
  } else {
    --reinterpret_cast<wire::Ipv6Header*>(expected.data())->hop_limit;
  }
  return std::memcmp(inner.data(), expected.data(), slot.length) == 0;
}

}  // namespace gotthard::perf::pipeline
