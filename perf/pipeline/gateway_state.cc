// What control would tell the data plane: interface, neighbours, tunnels, routes.
#include <arpa/inet.h>

#include <algorithm>

#include "base/clock.h"
#include "perf/pipeline/gateway.h"

namespace gotthard::perf::pipeline {
namespace {

constexpr std::uint16_t kWan = 0;
constexpr std::uint16_t kLan = 1;
constexpr std::uint32_t kRouter = 0;  // neighbours
constexpr std::uint32_t kHost = 1;
constexpr std::uint32_t kToHost = 1;  // next hops; those of tunnels follow
constexpr std::uint32_t kFirstTunnelHop = 2;
constexpr std::uint64_t kAnHour = 3600 * kSecond;

template <std::size_t N>
void copy_key(const Keys& keys, std::size_t size, std::size_t salt,
              std::array<std::uint8_t, N>* to) {
  std::copy_n(reinterpret_cast<const std::uint8_t*>(keys.key.data()), size, to->begin());
  std::copy_n(keys.salt.begin(), salt, to->begin() + static_cast<std::ptrdiff_t>(size));
}

}  // namespace

void Gateway::send_network() {
  const bool ipsec = scenario_.protocol == Protocol::esp;
  abi::InterfaceSet tunnel{
      .interface = 0, .listen_port = htons(ipsec ? kNatPort : kListenPort), .mtu = tunnel_mtu()};
  tunnel.kind = ipsec ? abi::TunnelKind::ipsec : abi::TunnelKind::wireguard;
  link_.send(tunnel);
  for (const abi::Family family : {abi::Family::ipv4, abi::Family::ipv6}) {
    link_.send(abi::LocalAddressSet{.owner = kWan, .address = gateway_outside(family)});
    link_.send(abi::LocalAddressSet{.owner = kLan, .address = gateway_inside(family)});
  }
  link_.send(abi::NeighbourSet{.neighbour = kRouter,
                               .port = kWan,
                               .mac = kRouterMac,
                               .reachable = 1,
                               .address = peer_outside(scenario_.outer, 0xffff)});
  link_.send(abi::NeighbourSet{.neighbour = kHost,
                               .port = kLan,
                               .mac = kHostMac,
                               .reachable = 1,
                               .address = inside_.host(0, 0)});
  link_.send(abi::NextHopSet{
      .next_hop = kToHost, .kind = abi::HopKind::neighbour, .port = kLan, .neighbour = kHost});
  send_prefixes(inside_, kToHost, 0);
}

void Gateway::send_tunnel(std::uint32_t number) {
  const bool ipsec = scenario_.protocol == Protocol::esp;
  const bool in_udp = !ipsec || scenario_.nat_t;
  abi::PeerSet peer{.peer = number, .reorder_budget = scenario_.reorder_budget};
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&number), sizeof(number),
              peer.public_key.begin());
  peer.public_key[31] = 1;
  peer.endpoint = {.remote = peer_outside(scenario_.outer, number),
                   .local = gateway_outside(scenario_.outer),
                   .remote_port = htons(!in_udp ? 0
                                        : ipsec ? kNatPort
                                                : kPeerPort),
                   .local_port = htons(!in_udp ? 0
                                       : ipsec ? kNatPort
                                               : kListenPort),
                   .neighbour = kRouter};
  peer.kind = !ipsec   ? abi::PeerKind::wireguard
              : in_udp ? abi::PeerKind::esp_in_udp
                       : abi::PeerKind::esp;
  link_.send(peer);
  if (ipsec) {
    send_esp(number);
  } else {
    send_wireguard(number);
  }
}

void Gateway::send_wireguard(std::uint32_t number) {
  const Tunnel& tunnel = tunnels_[number];
  abi::SessionInstall install{.local_id = tunnel.local_id,
                              .remote_id = tunnel.remote_id,
                              .peer = number,
                              .message_limit = std::uint64_t{1} << 60,
                              .reject_after_ns = kAnHour,
                              .erase_after_ns = kAnHour};
  copy_key(tunnel.from_gateway, install.send_key.size(), 0, &install.send_key);
  copy_key(tunnel.to_gateway, install.receive_key.size(), 0, &install.receive_key);
  link_.send(install);
  const std::uint32_t hop = kFirstTunnelHop + number;
  link_.send(abi::NextHopSet{.next_hop = hop, .kind = abi::HopKind::tunnel, .peer = number});
  link_.send(abi::OwnerSet{.owner = hop, .peer = number});
  send_prefixes(tunnel.behind, hop, hop);
}

void Gateway::send_esp(std::uint32_t number) {
  const Tunnel& tunnel = tunnels_[number];
  const crypto::Suite suite = scenario_.suite();
  const std::size_t key = crypto::key_size(suite);
  const std::size_t salt = crypto::salt_size(suite);
  abi::SaInstall install{.local_id = tunnel.local_id,
                         .remote_id = tunnel.remote_id,
                         .peer = number,
                         .suite = static_cast<std::uint8_t>(suite),
                         .key_length = static_cast<std::uint8_t>(key + salt),
                         .reject_after_ns = kAnHour,
                         .erase_after_ns = kAnHour};
  copy_key(tunnel.from_gateway, key, salt, &install.send_key);
  copy_key(tunnel.to_gateway, key, salt, &install.receive_key);
  link_.send(install);
  link_.send(abi::SelectorAdd{.peer = number,
                              .side = abi::SelectorSide::local,
                              .first = inside_.first(),
                              .last = inside_.last()});
  link_.send(abi::SelectorAdd{.peer = number,
                              .side = abi::SelectorSide::remote,
                              .first = tunnel.behind.first(),
                              .last = tunnel.behind.last()});
  link_.send(abi::SelectorsCommit{.peer = number, .locals = 1, .remotes = 1, .order = number});
  link_.send(abi::NextHopSet{.next_hop = kFirstTunnelHop, .kind = abi::HopKind::policy});
  send_prefixes(tunnel.behind, kFirstTunnelHop, 0);
}

// Whoever `owner` is (0: nobody, as inside and of ESP) may send from there.
void Gateway::send_prefixes(const Block& block, std::uint32_t hop, std::uint32_t owner) {
  for (std::uint32_t i = 0; i < block.prefixes(); ++i) {
    const Prefix prefix = block.prefix(i);
    abi::PrefixSet set{.table = abi::Table::routes,
                       .length = prefix.length,
                       .value = hop,
                       .address = prefix.address};
    link_.send(set);
    if (owner != 0) {
      set.table = abi::Table::sources;
      set.value = owner;
      link_.send(set);
    }
  }
}

Status Gateway::commit() {
  const std::uint64_t serial = link_.send(abi::TablesCommit{});
  const Nanoseconds deadline = boottime_now() + 60 * kSecond;
  while (applied_ < serial && boottime_now() < deadline) {
    link_.flush();
    manager_->round();
    if (const Status polled = link_.poll(); !polled) {
      return polled;
    }
  }
  if (refused_ > 0 || applied_ < serial) {
    return fail("the data plane refused {} of {} commands", refused_, serial);
  }
  return {};
}

}  // namespace gotthard::perf::pipeline
