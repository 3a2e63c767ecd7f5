#include "dataplane/manager/path_mtu.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "dataplane/wire/esp.h"
#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/udp.h"
#include "dataplane/wire/wireguard.h"

namespace gotthard::dataplane {
namespace {

// The least that links have (RFC 8200, 5), and that hosts put together (RFC 1122, 3.3.2).
constexpr std::uint32_t kLeast6 = 1280;
constexpr std::uint32_t kLeast4 = 576;

template <typename T>
const T* at(std::span<const std::byte> bytes, std::size_t offset) {
  return bytes.size() < offset + sizeof(T) ? nullptr
                                           : reinterpret_cast<const T*>(bytes.data() + offset);
}

bool lately(const Session& session, std::uint32_t counter) {
  const std::uint64_t next = session.next_counter.load(std::memory_order_relaxed);
  const std::uint32_t behind = static_cast<std::uint32_t>(next) - counter;
  return behind >= 1 && behind <= PathMtu::kRecent && behind <= next;
}

// What of the path is left for inner packets.
std::uint16_t inner_mtu(const Session& session, std::uint16_t headers, std::uint32_t mtu) {
  std::size_t around = headers;
  std::size_t unit = 1;
  std::size_t trailer = 0;
  if (session.is_esp()) {
    const crypto::SuiteTraits traits = crypto::traits_of(session.seal_key.suite());
    around += sizeof(wire::EspHeader) + traits.iv + traits.tag;
    unit = std::max<std::size_t>(wire::kEspAlignment, traits.alignment);
    trailer = sizeof(wire::EspTrailer);
  } else {
    around += wire::kWgDataMinimum;
  }
  return static_cast<std::uint16_t>((mtu - around) / unit * unit - trailer);
}

}  // namespace

bool PathMtu::is(const Session& session, const wire::PathMtuNotice& notice) const {
  const StoredPeer* peer = peers_->find(session.peer);
  if (peer == nullptr || peer->command.endpoint.remote != notice.destination) {
    return false;
  }
  std::span<const std::byte> sealed = notice.payload;
  if (peer->command.kind == abi::PeerKind::esp) {
    if (notice.protocol != wire::kProtocolEsp) {
      return false;
    }
  } else {
    const auto* udp = at<wire::UdpHeader>(notice.payload, 0);
    if (notice.protocol != wire::kProtocolUdp || udp == nullptr ||
        udp->destination.raw() != peer->command.endpoint.remote_port) {
      return false;
    }
    sealed = sealed.subspan(sizeof(wire::UdpHeader));
  }
  if (session.is_esp()) {
    const auto* esp = at<wire::EspHeader>(sealed, 0);
    return esp != nullptr && esp->spi.get() == session.remote_id &&
           lately(session, esp->sequence.get());
  }
  const auto* data = at<wire::WgDataHeader>(sealed, 0);
  return data != nullptr && data->type.get() == wire::kWgData &&
         data->receiver.get() == session.remote_id &&
         lately(session, static_cast<std::uint32_t>(data->counter.get()));
}

const Session* PathMtu::find(const wire::PathMtuNotice& notice) const {
  for (const auto& [slot, stored] : sessions_->slots()) {
    if (stored.session != nullptr && is(*stored.session, notice)) {
      return stored.session;
    }
  }
  return nullptr;
}

void PathMtu::hear(std::span<const std::byte> frame, Nanoseconds now) {
  if (frame.size() <= sizeof(wire::EthernetHeader)) {
    return;
  }
  const auto notice = wire::parse_path_mtu_notice(frame.subspan(sizeof(wire::EthernetHeader)));
  if (!notice || !limit_.take(now)) {
    return;
  }
  const Session* session = find(*notice);
  if (session == nullptr) {
    return;
  }
  const bool v6 = notice->destination.family == abi::Family::ipv6;
  if (v6 && notice->mtu < kLeast6) {
    return;
  }
  const std::uint32_t mtu =
      std::clamp(notice->mtu, v6 ? kLeast6 : kLeast4, std::uint32_t{UINT16_MAX});
  const auto headers = static_cast<std::uint16_t>(
      (v6 ? sizeof(wire::Ipv6Header) : sizeof(wire::Ipv4Header)) +
      (notice->protocol == wire::kProtocolUdp ? sizeof(wire::UdpHeader) : 0));
  if (peers_->limit_path(session->peer, {.outer = static_cast<std::uint16_t>(mtu),
                                         .inner = inner_mtu(*session, headers, mtu)})) {
    until_[session->peer] = now + kLifetime;
  }
}

void PathMtu::tick(Nanoseconds now) {
  std::erase_if(until_, [&](const auto& entry) {
    const bool over = now >= entry.second;
    if (over) {
      peers_->forget_path(entry.first);
    }
    return over;
  });
}

}  // namespace gotthard::dataplane
