#include "control/ipsec/children.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "control/ipsec/ike_settings.h"
#include "crypto/bytes.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

namespace gotthard::control {
namespace {

constexpr auto kLog = log::Subsystem::control;

// What tells a child from others, for a data plane that outlives this control.
std::array<std::uint8_t, 32> identity_of(const std::string& name) {
  return crypto::blake2s(std::as_bytes(std::span(name)));
}

}  // namespace

// Numbers from the end, as WireGuard's peers have theirs from the beginning: the same file gives
// the same ones, to whichever control reads it.
Children::Children(const config::Config& config, LabKeys keys, Links links)
    : config_(&config), keys_(std::move(keys)), links_(links), interfaces_(config.ipsec.size()) {
  std::uint32_t next = abi::kMaxPeers;
  for (std::size_t i = 0; i < config.ipsec.size(); ++i) {
    for (std::size_t c = 0; c < config.ipsec[i].connections.size(); ++c) {
      const config::Connection& connection = config.ipsec[i].connections[c];
      for (std::size_t h = 0; h < connection.children.size(); ++h) {
        // Workers count on from the first pair.
        const std::size_t pairs = std::max<std::size_t>(1, connection.children[h].lab_keys.size());
        next -= static_cast<std::uint32_t>(pairs);
        for (std::size_t pair = 0; pair < pairs; ++pair) {
          add({.number = next + static_cast<std::uint32_t>(pair),
               .interface = number(i),
               .ipsec = i,
               .connection = c,
               .child = h,
               .pair = pair,
               .in_udp = connection.encapsulation == config::Encapsulation::udp,
               .remote =
                   connection.remotes.empty() ? abi::Address{} : connection.remotes[0].address,
               .remote_port = htons(connection.remote_port),
               .by_ike = connection.ike.has_value()});
        }
      }
    }
  }
}

void Children::add(IpsecChild child) {
  if (child.remote.family != abi::Family::none) {
    links_.fib->set_endpoint(child.interface, child.number, child.remote,
                             connection_of(child).local.value_or(abi::Address{}));
  }
  if (const config::LabKeys* lab = lab_keys_of(child)) {
    child.keys = *lab;
    links_.sessions->occupy(lab->in_spi);
    child.installed = !keys_.contains(lab->in_key_file);  // by an earlier control
  }
  if (child.pair == 0) {
    by_name_.emplace(
        connection_name(ipsec_of(child), connection_of(child)) + "/" + settings_of(child).name,
        child.number);
  }
  children_.emplace(child.number, std::move(child));
}

std::string Children::full_name(const IpsecChild& child) const {
  return fmt::format(
      "{}/{}/{}{}", ipsec_of(child).name, connection_of(child).name, settings_of(child).name,
      settings_of(child).lab_keys.size() > 1 ? fmt::format(" {}", child.pair + 1) : "");
}

// ---------------------------------------------------------------- to the data plane

void Children::resync(bool fresh) {
  for (std::size_t i = 0; i < interfaces_.size(); ++i) {
    send_interface(i);
  }
  for (auto& [number, child] : children_) {
    send_child(child);
    send_selectors(child);
    if (fresh && child.installed) {
      log::event(log::Level::error, kLog, "lab_keys_used_up",
                 {{"child", full_name(child)},
                  {"reason",
                   "the data plane was started anew: write new key files, then "
                   "`gotthard down` and `up`"}});
    }
    install(&child);
  }
}

void Children::send_interface(std::size_t ipsec) {
  const config::Ipsec& settings = config_->ipsec[ipsec];
  Interface& interface = interfaces_[ipsec];
  interface.up = links_.fib->tunnel_up(number(ipsec));
  interface.mtu = links_.fib->tunnel_mtu(number(ipsec));
  const int options = (settings.copy_dscp ? abi::kCopyDscp : 0) |
                      (settings.mss_clamp ? abi::kClampMss : 0) |
                      (settings.fragment_after ? abi::kFragmentAfter : 0) |
                      (config::speaks_ike(settings) ? abi::kSpeaksIke : 0);
  abi::InterfaceSet command{.interface = number(ipsec),
                            .listen_port = htons(settings.udp_port),
                            .mtu = interface.mtu,
                            .up = static_cast<std::uint8_t>(interface.up ? 1 : 0),
                            .options = static_cast<std::uint8_t>(options),
                            .kind = abi::TunnelKind::ipsec};
  settings.name.copy(command.name.data(), command.name.size() - 1);
  links_.dataplane->send(command);
}

void Children::send_child(const IpsecChild& child) {
  const config::Connection& connection = connection_of(child);
  abi::PeerSet command{.peer = child.number,
                       .interface = child.interface,
                       .reorder_budget = connection.reorder_budget,
                       .public_key = identity_of(full_name(child))};
  command.kind = child.in_udp ? abi::PeerKind::esp_in_udp : abi::PeerKind::esp;
  command.dont_fragment = connection.dont_fragment;
  command.dscp = connection.dscp.value_or(abi::kDscpFromInner);
  if (settings_of(child).lab_keys.size() > 1) {
    command.sealing_worker = static_cast<std::uint8_t>(child.pair);
  }
  command.endpoint.remote = child.remote;
  if (child.in_udp) {
    command.endpoint.remote_port = child.remote_port;
    command.endpoint.local_port = htons(ipsec_of(child).udp_port);
  }
  if (const auto way = links_.fib->endpoint(child.number)) {
    command.endpoint.neighbour = way->neighbour;
    command.endpoint.local = way->local;
    command.endpoint.mtu = way->mtu;
    command.endpoint.through = way->through;
  }
  links_.dataplane->send(command);
}

void Children::send_selectors(const IpsecChild& child) {
  const config::Child& settings = settings_of(child);
  const auto send = [&](abi::SelectorSide side, const ike::TrafficSelector& selector) {
    links_.dataplane->send(abi::SelectorAdd{.peer = child.number,
                                            .side = side,
                                            .protocol = selector.protocol,
                                            .first_port = selector.first_port,
                                            .last_port = selector.last_port,
                                            .first = selector.first,
                                            .last = selector.last});
  };
  const auto send_side = [&](abi::SelectorSide side, const ike::TrafficSelectors& negotiated,
                             const std::vector<config::TrafficSelector>& configured) {
    for (const ike::TrafficSelector& selector : negotiated.selectors) {
      send(side, selector);
    }
    for (std::size_t i = 0; negotiated.selectors.empty() && i < configured.size(); ++i) {
      send(side, ike_selector(configured[i]));
    }
    return static_cast<std::uint16_t>(negotiated.selectors.empty() ? configured.size()
                                                                   : negotiated.selectors.size());
  };
  const auto locals = send_side(abi::SelectorSide::local, child.local_ts, settings.local_ts);
  const auto remotes = send_side(abi::SelectorSide::remote, child.remote_ts, settings.remote_ts);
  links_.dataplane->send(abi::SelectorsCommit{
      .peer = child.number,
      .locals = locals,
      .remotes = remotes,
      .spread = static_cast<std::uint16_t>(
          child.pair > 0 ? 0 : std::max<std::size_t>(1, settings.lab_keys.size())),
      .order = static_cast<std::uint32_t>(abi::kMaxPeers) - child.number});
}

// Make before break: the SAs of before are heard for as long as the data plane keeps them.
void Children::take_keys(LabKeys keys) {
  keys_.merge(keys);
  for (auto& [number, child] : children_) {
    const config::LabKeys* wanted = lab_keys_of(child);
    if (wanted != nullptr && child.keys != *wanted) {
      const bool first = !child.keys;
      child.keys = *wanted;
      child.use = first || wanted->initiator ? abi::KeyUse::now : abi::KeyUse::after_first_inbound;
      child.installed = false;
      install(&child);
    }
  }
}

namespace {

// Lab keys have nobody to renew them: operators hear of it before they are used up.
std::uint64_t soft(std::uint64_t hard) { return hard / 10 * 9 + hard % 10 * 9 / 10; }

}  // namespace

// A key goes to the data plane once; what is sent is forgotten here, whatever becomes of it there.
void Children::install(IpsecChild* child) {
  const config::Child& settings = settings_of(*child);
  if (lab_keys_of(*child) == nullptr) {
    return;
  }
  const config::LabKeys& lab = *lab_keys_of(*child);
  links_.sessions->occupy(lab.in_spi);
  const auto in = keys_.find(lab.in_key_file);
  const auto out = keys_.find(lab.out_key_file);
  if (in == keys_.end() || out == keys_.end()) {
    return;
  }
  abi::CommandBody body = abi::SaInstall{
      .local_id = lab.in_spi,
      .remote_id = lab.out_spi,
      .peer = child->number,
      .window = config_->dataplane.replay_window,
      .suite = lab.suite.suite,
      .use = child->use,
      .options = static_cast<std::uint8_t>((lab.suite.extended ? abi::kExtendedSequence : 0) |
                                           (settings.transport ? abi::kTransportMode : 0)),
      .key_length = static_cast<std::uint8_t>(in->second.size()),
      .hard_packets = settings.life.packets,
      .hard_bytes = settings.life.bytes,
      .soft_packets = soft(settings.life.packets),
      .soft_bytes = soft(settings.life.bytes),
      .soft_after_ns =
          soft(std::min<std::uint64_t>(settings.life.seconds, kForever / kSecond)) * kSecond,
      .reject_after_ns =
          settings.life.seconds == 0
              ? kForever
              : std::min<std::uint64_t>(settings.life.seconds, kForever / kSecond) * kSecond};
  auto& command = std::get<abi::SaInstall>(body);
  command.erase_after_ns = command.reject_after_ns;
  std::memcpy(command.send_key.data(), out->second.bytes().data(), out->second.size());
  std::memcpy(command.receive_key.data(), in->second.bytes().data(), in->second.size());
  links_.dataplane->send(body);
  crypto::wipe(crypto::writable_bytes_of(command.send_key));
  crypto::wipe(crypto::writable_bytes_of(command.receive_key));
  keys_.erase(in);
  keys_.erase(out);
  child->installed = true;
}

// ---------------------------------------------------------------- from it

bool Children::on_event(const abi::EventBody& event) {
  const auto named = [&](std::uint32_t local_id) -> const IpsecChild* {
    const auto found = std::ranges::find_if(children_, [&](const auto& entry) {
      return entry.second.keys && entry.second.keys->in_spi == local_id;
    });
    return found == children_.end() ? nullptr : &found->second;
  };
  if (const auto* aging = std::get_if<abi::SaAging>(&event)) {
    const IpsecChild* child = named(aging->local_id);
    if (child != nullptr) {
      log::event(log::Level::warning, kLog, aging->hard != 0 ? "sa_expired" : "sa_ages",
                 {{"child", full_name(*child)}, {"in_spi", fmt::format("{:#x}", aging->local_id)}});
    }
    return true;
  }
  if (const auto* refused = std::get_if<abi::CommandRefused>(&event)) {
    const IpsecChild* child = named(refused->local_id);
    if (child != nullptr) {
      log::event(log::Level::error, kLog, "sa_refused",
                 {{"child", full_name(*child)}, {"reason", static_cast<int>(refused->reason)}});
    }
    return child != nullptr;
  }
  const auto* moved = std::get_if<abi::EndpointMoved>(&event);
  const auto found = moved == nullptr ? children_.end() : children_.find(moved->peer);
  if (found == children_.end()) {
    return false;
  }
  if (connection_of(found->second).encapsulation != config::Encapsulation::none) {
    move(found->second, *moved);
  }
  return true;
}

void Children::on_turn() {
  for (std::size_t i = 0; i < interfaces_.size(); ++i) {
    if (interfaces_[i].up != links_.fib->tunnel_up(number(i)) ||
        interfaces_[i].mtu != links_.fib->tunnel_mtu(number(i))) {
      send_interface(i);
    }
  }
}

void Children::on_endpoint_changed(std::uint32_t peer) {
  const auto found = children_.find(peer);
  if (found != children_.end()) {
    send_child(found->second);
  }
}

// RFC 3948, 4: while nothing else keeps the NAT's mapping.
void Children::on_tick(Nanoseconds now) {
  if (!links_.dataplane->attached()) {
    return;
  }
  for (auto& [number, child] : children_) {
    if (!child.by_ike) {
      look_elsewhere(&child, now);
      ask_for_name(&child, now);
    }
    const Nanoseconds every = connection_of(child).keepalive * kSecond;
    if (!child.in_udp || every == 0 || !interfaces_[child.ipsec].up || now < child.keepalive_at) {
      continue;
    }
    const Nanoseconds last_sent =
        links_.dataplane->directory()->peer[number].last_tx_ns.load(std::memory_order_relaxed);
    if (last_sent < now && now - last_sent < every) {
      child.keepalive_at = last_sent + every;
      continue;
    }
    child.keepalive_at = now + every;
    send_keepalive(child);
  }
}

void Children::send_keepalive(const IpsecChild& child) {
  const auto way = links_.fib->endpoint(child.number);
  if (!way || (way->neighbour == abi::kNoNeighbour && way->through == abi::kNoPeer)) {
    return;
  }
  abi::PacketRecord record;
  record.interface = child.interface;
  record.length = 1;
  record.payload[0] = std::byte{0xff};
  record.remote = child.remote;
  record.remote_port = child.remote_port;
  record.local = way->local;
  record.local_port = htons(ipsec_of(child).udp_port);
  record.neighbour = way->neighbour;
  record.through = way->through;
  (void)links_.dataplane->inject(record);
}

}  // namespace gotthard::control
