#include "dataplane/manager/reassembly.h"

#include <iterator>
#include <utility>

#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/udp.h"

namespace gotthard::dataplane {
namespace {

constexpr std::size_t kEthernet = sizeof(wire::EthernetHeader);

std::span<const std::byte> packet_in(std::span<const std::byte> frame) {
  return frame.subspan(kEthernet);
}

// A first piece shows for whom the datagram is.
bool for_tunnel(const wire::Piece& first, const Topology& topology) {
  if (first.protocol == wire::kProtocolEsp) {
    return topology.ipsec;
  }
  if (first.data.size() < sizeof(wire::UdpHeader)) {
    return false;
  }
  const auto* udp = reinterpret_cast<const wire::UdpHeader*>(first.data.data());
  return topology.listener(udp->destination.raw()) != abi::kMaxInterfaces;
}

}  // namespace

Reassembly::Result Reassembly::take(std::uint16_t port, std::span<const std::byte> frame,
                                    const Topology& topology, Nanoseconds now) {
  Result result;
  if (frame.size() < kEthernet) {
    result.refused = 1;
    return result;
  }
  const auto packet = packet_in(frame);
  const auto piece = wire::parse_piece(packet);
  if (!piece || (piece->protocol != wire::kProtocolUdp && piece->protocol != wire::kProtocolEsp)) {
    result.refused = 1;
    return result;
  }
  const auto family =
      static_cast<std::uint8_t>(packet[0]) >> 4 == 4 ? abi::Family::ipv4 : abi::Family::ipv6;
  const Key key{.port = port,
                .id = piece->id,
                .protocol = piece->protocol,
                .from = wire::source_of(packet.data(), family),
                .to = wire::destination_of(packet.data(), family)};
  auto which = datagrams_.find(key);
  if (which == datagrams_.end()) {
    result.refused = make_room(key, frame.size());
    which = datagrams_.emplace(key, Datagram{.number = ++last_number_, .until = now + kWait}).first;
  }
  Datagram& datagram = which->second;
  if (datagram.for_host) {
    result.others.emplace_back(frame.begin(), frame.end());
    return result;
  }
  if (piece->offset == 0 && !for_tunnel(*piece, topology)) {
    datagram.for_host = true;
    result.others.emplace_back(frame.begin(), frame.end());
    for (auto& [offset, held] : datagram.pieces) {
      bytes_ -= held.frame.size();
      result.others.push_back(std::move(held.frame));
    }
    datagram.pieces.clear();
    return result;
  }
  if (bytes_ + frame.size() > kBytes || !fits(datagram, *piece)) {
    result.refused += 1 + give_up(which);
    return result;
  }
  const auto end = static_cast<std::uint32_t>(piece->offset + piece->data.size());
  datagram.pieces.emplace(piece->offset, Held{.end = end, .frame = {frame.begin(), frame.end()}});
  datagram.received += static_cast<std::uint32_t>(piece->data.size());
  datagram.length = piece->more ? datagram.length : end;
  bytes_ += frame.size();
  if (datagram.length != 0 && datagram.received == datagram.length) {
    finish(which, &result);
  }
  return result;
}

// For one more datagram: the oldest of its source gives way, or the oldest of all. The number of
// pieces that were given up.
std::size_t Reassembly::make_room(const Key& key, std::size_t bytes) {
  std::size_t given_up = 0;
  for (;;) {
    std::size_t of_source = 0;
    auto oldest = datagrams_.end();
    auto oldest_of_source = datagrams_.end();
    const auto older = [this](auto one, auto other) {
      return other == datagrams_.end() || one->second.number < other->second.number;
    };
    for (auto it = datagrams_.begin(); it != datagrams_.end(); ++it) {
      oldest = older(it, oldest) ? it : oldest;
      if (it->first.from == key.from) {
        ++of_source;
        oldest_of_source = older(it, oldest_of_source) ? it : oldest_of_source;
      }
    }
    if (of_source >= kPerSource) {
      given_up += give_up(oldest_of_source);
    } else if (datagrams_.size() >= kDatagrams || bytes_ + bytes > kBytes) {
      given_up += give_up(oldest);
    } else {
      return given_up;
    }
  }
}

// Beside the others, within the end that is known.
bool Reassembly::fits(const Datagram& datagram, const wire::Piece& piece) {
  const std::size_t end = piece.offset + piece.data.size();
  if (datagram.pieces.size() == kPieces || (datagram.length != 0 && end > datagram.length)) {
    return false;
  }
  if (!piece.more && !datagram.pieces.empty() && datagram.pieces.rbegin()->second.end > end) {
    return false;
  }
  const auto after = datagram.pieces.lower_bound(piece.offset);
  if (after != datagram.pieces.end() && after->first < end) {
    return false;
  }
  return after == datagram.pieces.begin() || std::prev(after)->second.end <= piece.offset;
}

void Reassembly::finish(Datagrams::iterator which, Result* result) {
  wire::Packet data;
  for (const auto& [offset, held] : which->second.pieces) {
    const auto piece = wire::parse_piece(packet_in(held.frame));
    data.insert(data.end(), piece->data.begin(), piece->data.end());
  }
  const wire::Packet& first = which->second.pieces.begin()->second.frame;
  wire::Packet frame(first.begin(), first.begin() + kEthernet);
  const wire::Packet packet = wire::whole(packet_in(first), data);
  frame.insert(frame.end(), packet.begin(), packet.end());
  result->ours.push_back(std::move(frame));
  (void)give_up(which);
}

std::size_t Reassembly::give_up(Datagrams::iterator which) {
  const std::size_t pieces = which->second.pieces.size();
  for (const auto& [offset, held] : which->second.pieces) {
    bytes_ -= held.frame.size();
  }
  datagrams_.erase(which);
  return pieces;
}

std::size_t Reassembly::expire(Nanoseconds now) {
  std::size_t given_up = 0;
  for (auto which = datagrams_.begin(); which != datagrams_.end();) {
    const auto next = std::next(which);
    if (now >= which->second.until) {
      given_up += give_up(which);
    }
    which = next;
  }
  return given_up;
}

}  // namespace gotthard::dataplane
