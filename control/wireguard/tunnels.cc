#include "control/wireguard/tunnels.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/log.h"
#include "control/config/key_file.h"
#include "crypto/bytes.h"
#include "crypto/random.h"

namespace gotthard::control {
namespace {

constexpr auto kHandshake = log::Subsystem::handshake;

crypto::Secret<32> copy(const crypto::Secret<32>& key) {
  return crypto::Secret<32>::copy_of(key.bytes());
}

noise::PeerSettings settings_of(const config::Peer& peer, const Keys& keys,
                                const std::optional<noise::Endpoint>& endpoint) {
  noise::PeerSettings settings;
  if (const auto psk = keys.find(peer.preshared_key_file); psk != keys.end()) {
    settings.preshared_key = copy(psk->second);
  }
  settings.endpoint = endpoint;
  settings.persistent_keepalive = peer.persistent_keepalive * kSecond;
  return settings;
}

// How long a name's server is left alone after a question.
constexpr Nanoseconds kNameInterval = 5 * kSecond;

template <typename T>
T get(const std::atomic<T>& field) {
  return field.load(std::memory_order_relaxed);
}

// Who a peer is, whatever its number.
struct Identity {
  std::uint32_t interface = 0;
  std::array<std::uint8_t, 32> public_key{};
  auto operator<=>(const Identity&) const = default;
};

// Nothing: no such peer lives.
std::optional<Identity> identity_of(const abi::PeerEntry& entry) {
  if (get(entry.used) != 1) {
    return std::nullopt;
  }
  Identity result{.interface = get(entry.interface)};
  for (std::size_t i = 0; i < result.public_key.size(); ++i) {
    result.public_key[i] = get(entry.public_key[i]);
  }
  return result;
}

// What one entry says, all of the same session.
struct SeenSession {
  std::uint32_t local_id = 0, remote_id = 0, peer = 0;
  abi::SessionState state = abi::SessionState::empty;
  noise::Role role = noise::Role::initiator;
  Nanoseconds installed = 0;
};

// Nothing: the slot is empty, or holds what no manager writes. The manager may write at the same
// time; an entry that changes each time it is looked at is one that says nothing true.
std::optional<SeenSession> read_session(const abi::SessionEntry& entry, std::size_t slot) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    SeenSession seen{.local_id = entry.local_id.load(std::memory_order_acquire)};
    const std::uint32_t state = get(entry.state);
    seen.remote_id = get(entry.remote_id);
    seen.peer = get(entry.peer);
    seen.role = get(entry.initiator) == 1 ? noise::Role::initiator : noise::Role::responder;
    seen.installed = get(entry.installed_ns);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (get(entry.local_id) != seen.local_id || get(entry.state) != state) {
      continue;
    }
    seen.state = static_cast<abi::SessionState>(state);
    const bool possible =
        (seen.state == abi::SessionState::live || seen.state == abi::SessionState::retiring) &&
        seen.local_id >= abi::kLowestSessionId && (seen.local_id & abi::kSlotMask) == slot;
    return possible ? std::optional(seen) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

noise::Time time_now() { return {.boot = boottime_now(), .wall = realtime_now()}; }

// ---------------------------------------------------------------- start

Result<std::unique_ptr<Tunnels>> Tunnels::create(const config::Config& config, const Keys& keys,
                                                 Links links) {
  std::unique_ptr<Tunnels> result(new Tunnels(std::move(links)));
  result->replay_window_ = config.dataplane.replay_window;
  for (std::size_t i = 0; i < config.wireguard.size(); ++i) {
    const config::WireGuard& settings = config.wireguard[i];
    const auto key = keys.find(settings.private_key_file);
    if (key == keys.end()) {
      return fail("the private key of {} ({}) was not handed over", settings.name,
                  settings.private_key_file);
    }
    SessionAllocator* sessions = result->links_.sessions;
    auto device = noise::Device::create(
        copy(key->second), [](std::span<std::byte> out) { crypto::random_bytes(out); },
        {.allocate = [sessions] { return sessions->allocate(); },
         .release = [sessions](std::uint32_t id) { sessions->release(id); }});
    if (!device) {
      return tl::unexpected(device.error());
    }
    result->peer_count_ += settings.peers.size();
    result->tunnels_.push_back({.number = static_cast<std::uint16_t>(i),
                                .settings = settings,
                                .device = std::move(*device)});
  }
  return result;
}

Status Tunnels::number_peers(const abi::Directory* directory, const Keys& keys) {
  // No number that lives is given to another peer: its sessions would be taken for the new one's.
  std::vector<bool> taken(abi::kMaxPeers);
  std::map<Identity, std::uint32_t> living;
  for (std::uint32_t n = 0; directory != nullptr && n < abi::kMaxPeers; ++n) {
    if (const auto identity = identity_of(directory->peer[n])) {
      taken[n] = true;
      living.emplace(*identity, n);
    }
  }
  std::uint32_t next = 0;
  for (Tunnel& tunnel : tunnels_) {
    for (const config::Peer& settings : tunnel.settings.peers) {
      const auto found =
          living.find({.interface = tunnel.number, .public_key = settings.public_key});
      while (found == living.end() && next < abi::kMaxPeers && taken[next]) {
        ++next;
      }
      if (found == living.end() && next == abi::kMaxPeers) {
        return fail("no number is left for peer '{}' of {}: there may be {} peers", settings.name,
                    tunnel.settings.name, abi::kMaxPeers);
      }
      TunnelPeer peer{.number = found != living.end() ? found->second : next,
                      .interface = tunnel.number,
                      .settings = settings};
      taken[peer.number] = true;
      peer.record_key = checkpoint::record_key(tunnel.device.public_key(), settings.public_key);
      if (const auto record = links_.checkpoint->find(peer.record_key)) {
        peer.record = *record;
      }
      // Where the peer was last heard from is better than where it was configured to be.
      if (peer.record.endpoint.family != abi::Family::none) {
        peer.endpoint =
            noise::Endpoint{.address = peer.record.endpoint, .port = peer.record.endpoint_port};
      } else if (settings.endpoint && settings.endpoint->address) {
        peer.endpoint = noise::Endpoint{.address = *settings.endpoint->address,
                                        .port = htons(settings.endpoint->port)};
      }
      const noise::Timestamps timestamps{.greatest_received = peer.record.greatest_received,
                                         .last_sent = peer.record.last_sent};
      if (const Status added =
              tunnel.device.add_peer(peer.number, settings.public_key,
                                     settings_of(settings, keys, peer.endpoint), timestamps);
          !added) {
        return fail("peer '{}' of {}: {}", settings.name, tunnel.settings.name,
                    added.error().message);
      }
      links_.fib->set_allowed_ips(tunnel.number, peer.number, settings.allowed_ips);
      if (peer.endpoint) {
        links_.fib->set_endpoint(peer.number, peer.endpoint->address);
      } else if (settings.endpoint) {
        ask_for_name(&peer);
      }
      peers_.emplace(peer.number, std::move(peer));
    }
  }
  return {};
}

// ---------------------------------------------------------------- attachment

Tunnels::Resynced Tunnels::resync(bool fresh, Nanoseconds now) {
  for (Tunnel& tunnel : tunnels_) {
    send_interface(&tunnel);
  }
  (void)links_.fib->take_changed_endpoints();
  for (const auto& [number, peer] : peers_) {
    send_peer(peer);
  }
  if (fresh) {
    session_peer_.clear();
    for (Tunnel& tunnel : tunnels_) {
      tunnel.device.forget_sessions();
    }
    links_.sessions->clear();
  }
  return adopt_sessions(*links_.dataplane->directory(), now);
}

Tunnels::Resynced Tunnels::adopt_sessions(const abi::Directory& directory, Nanoseconds now) {
  using Place = noise::LiveSession::Place;
  Resynced result;
  for (std::size_t slot = 0; slot < abi::kMaxSessions; ++slot) {
    const auto seen = read_session(directory.session[slot], slot);
    if (!seen) {
      continue;
    }
    links_.sessions->occupy(seen->local_id);
    if (seen->state != abi::SessionState::live || session_peer_.contains(seen->local_id)) {
      continue;
    }
    const auto peer = peers_.find(seen->peer);
    bool adopted = false;
    if (peer != peers_.end() && identity_of(directory.peer[seen->peer]) ==
                                    Identity{.interface = peer->second.interface,
                                             .public_key = peer->second.settings.public_key}) {
      const abi::PeerEntry& of = directory.peer[seen->peer];
      const Place place = get(of.current_session) == seen->local_id ? Place::current
                          : get(of.next_session) == seen->local_id  ? Place::next
                                                                    : Place::previous;
      adopted = tunnels_[peer->second.interface]
                    .device
                    .adopt_session(seen->peer, {.local_id = seen->local_id,
                                                .remote_id = seen->remote_id,
                                                .place = place,
                                                .role = seen->role,
                                                .installed = std::min(seen->installed, now)})
                    .has_value();
    }
    if (adopted) {
      ++result.adopted;
      session_peer_[seen->local_id] = seen->peer;
    } else {
      ++result.removed;
      links_.dataplane->send(abi::SessionRemove{.local_id = seen->local_id});
    }
  }
  return result;
}

void Tunnels::send_interface(Tunnel* tunnel) {
  tunnel->up = links_.fib->tunnel_up(tunnel->number);
  abi::InterfaceSet command{.interface = tunnel->number,
                            .listen_port = htons(tunnel->settings.listen_port),
                            .mtu = tunnel->settings.mtu,
                            .up = static_cast<std::uint8_t>(tunnel->up ? 1 : 0),
                            .mac1_key = tunnel->device.mac1_key()};
  tunnel->settings.name.copy(command.name.data(), command.name.size() - 1);
  links_.dataplane->send(command);
}

void Tunnels::send_peer(const TunnelPeer& peer) {
  const config::WireGuard& tunnel = tunnels_[peer.interface].settings;
  abi::PeerSet command{.peer = peer.number,
                       .interface = peer.interface,
                       .reorder_budget = tunnel.reorder_budget,
                       .public_key = peer.settings.public_key};
  if (peer.endpoint) {
    command.endpoint.remote = peer.endpoint->address;
    command.endpoint.remote_port = peer.endpoint->port;
    command.endpoint.local_port = htons(tunnel.listen_port);
    if (const auto way = links_.fib->endpoint(peer.number)) {
      command.endpoint.neighbour = way->neighbour;
      // Answer from the address that the peer knows us by.
      command.endpoint.local =
          peer.local.family == peer.endpoint->address.family ? peer.local : way->local;
    }
  }
  links_.dataplane->send(command);
}

void Tunnels::on_turn() {
  if (!links_.dataplane->attached()) {
    return;
  }
  for (const std::uint32_t number : links_.fib->take_changed_endpoints()) {
    if (const auto peer = peers_.find(number); peer != peers_.end()) {
      send_peer(peer->second);
    }
  }
  for (Tunnel& tunnel : tunnels_) {
    if (tunnel.up != links_.fib->tunnel_up(tunnel.number)) {
      send_interface(&tunnel);
    }
  }
}

// ---------------------------------------------------------------- events

void Tunnels::on_punt(const abi::PacketRecord& packet, bool under_load) {
  if (packet.interface >= tunnels_.size()) {
    return;
  }
  Tunnel* tunnel = &tunnels_[packet.interface];
  carry_out(tunnel,
            tunnel->device.on_datagram(std::span(packet.payload).first(packet.length),
                                       {.address = packet.remote, .port = packet.remote_port},
                                       packet.local, time_now(), under_load));
}

bool Tunnels::on_event(const abi::EventBody& event) {
  const auto by_session = [&](std::uint32_t id, auto&& handle) {
    const auto found = session_peer_.find(id);
    Tunnel* tunnel = found == session_peer_.end() ? nullptr : tunnel_of(found->second);
    if (tunnel != nullptr) {
      handle(tunnel);
    }
  };
  if (const auto* e = std::get_if<abi::SessionInstalled>(&event)) {
    by_session(e->local_id,
               [&](Tunnel* t) { carry_out(t, t->device.on_installed(e->local_id, time_now())); });
  } else if (const auto* c = std::get_if<abi::SessionConfirmed>(&event)) {
    by_session(c->local_id,
               [&](Tunnel* t) { carry_out(t, t->device.on_confirmed(c->local_id, time_now())); });
  } else if (const auto* x = std::get_if<abi::SessionErased>(&event)) {
    by_session(x->local_id, [&](Tunnel* t) { t->device.on_erased(x->local_id); });
    session_peer_.erase(x->local_id);
    links_.sessions->release(x->local_id);
  } else if (const auto* r = std::get_if<abi::CommandRefused>(&event)) {
    if (r->local_id == 0) {
      return false;
    }
    by_session(r->local_id,
               [&](Tunnel* t) { carry_out(t, t->device.on_refused(r->local_id, time_now())); });
    session_peer_.erase(r->local_id);
    // A slot that is in use stays so: its holder's SessionErased frees it.
    if (r->reason != abi::Refusal::slot_in_use) {
      links_.sessions->release(r->local_id);
    }
  } else if (const auto* n = std::get_if<abi::NeedHandshake>(&event)) {
    if (Tunnel* t = tunnel_of(n->peer)) {
      carry_out(t, t->device.need_handshake(n->peer, time_now()));
    }
  } else if (const auto* m = std::get_if<abi::EndpointMoved>(&event)) {
    const auto peer = peers_.find(m->peer);
    if (peer != peers_.end()) {
      const noise::Endpoint from{.address = m->remote, .port = m->remote_port};
      tunnels_[peer->second.interface].device.on_endpoint_moved(m->peer, from, m->local);
      set_endpoint(&peer->second, from, m->local);
    }
  } else {
    return false;
  }
  return true;
}

void Tunnels::on_tick() {
  if (!links_.dataplane->attached()) {
    return;
  }
  const noise::Time now = time_now();
  for (auto& [number, peer] : peers_) {
    if (!peer.endpoint) {
      ask_for_name(&peer);
    }
    Tunnel* tunnel = &tunnels_[peer.interface];
    carry_out(tunnel, tunnel->device.on_tick(number, activity_of(number, now.boot), now));
  }
}

// Times of the future would keep timers from ever being due.
noise::Activity Tunnels::activity_of(std::uint32_t peer, Nanoseconds now) const {
  const abi::Directory& directory = *links_.dataplane->directory();
  const abi::PeerEntry& entry = directory.peer[peer];
  const auto time = [now](const abi::Counter& field) { return std::min(get(field), now); };
  noise::Activity activity{.last_rx = time(entry.last_rx_ns),
                           .last_rx_data = time(entry.last_rx_data_ns),
                           .last_tx = time(entry.last_tx_ns),
                           .last_tx_data = time(entry.last_tx_data_ns),
                           .unanswered_since = time(entry.unanswered_since_ns),
                           .current_session = get(entry.current_session),
                           .sent = 0};
  const abi::SessionEntry& session = directory.session[activity.current_session & abi::kSlotMask];
  if (activity.current_session != 0 && get(session.local_id) == activity.current_session) {
    activity.sent = get(session.sent);
  }
  return activity;
}

void Tunnels::ask_for_name(TunnelPeer* peer) {
  const Nanoseconds now = boottime_now();
  if (peer->name_asked || !peer->settings.endpoint ||
      (peer->name_asked_at != 0 && now < peer->name_asked_at + kNameInterval)) {
    return;
  }
  peer->name_asked_at = now;
  peer->name_asked = links_.resolve_name(peer->number, peer->settings.endpoint->host);
}

void Tunnels::on_name_resolved(std::uint32_t number, const std::optional<abi::Address>& address) {
  const auto found = peers_.find(number);
  if (found == peers_.end()) {
    return;
  }
  TunnelPeer& peer = found->second;
  peer.name_asked = false;
  // An address that the peer itself has shown meanwhile is better than a name's.
  if (!address || peer.endpoint || !peer.settings.endpoint) {
    return;
  }
  const noise::Endpoint endpoint{.address = *address, .port = htons(peer.settings.endpoint->port)};
  tunnels_[peer.interface].device.on_endpoint_moved(number, endpoint, {});
  set_endpoint(&peer, endpoint, {});
}

void Tunnels::rekey(std::uint32_t peer) {
  if (Tunnel* tunnel = tunnel_of(peer)) {
    carry_out(tunnel, tunnel->device.rekey(peer, time_now()));
  }
}

// ---------------------------------------------------------------- actions

void Tunnels::carry_out(Tunnel* tunnel, noise::Actions actions) {
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const auto* checkpoint = std::get_if<noise::Checkpoint>(&actions[i]);
    if (checkpoint != nullptr && !act(tunnel, *checkpoint)) {
      refuse_rest(tunnel, std::span(actions).subspan(i + 1));
      return;
    }
    std::visit(
        [&]<typename A>(const A& action) {
          if constexpr (!std::is_same_v<A, noise::Checkpoint>) {
            act(tunnel, action);
          }
        },
        actions[i]);
  }
}

// What is not in the checkpoint must not be sent or installed: after a restart it would be open to
// replay.
void Tunnels::refuse_rest(Tunnel* tunnel, std::span<const noise::Action> actions) {
  for (const noise::Action& action : actions) {
    if (const auto* install = std::get_if<noise::InstallSession>(&action)) {
      links_.sessions->release(install->local_id);
      carry_out(tunnel, tunnel->device.on_refused(install->local_id, time_now()));
    }
  }
}

bool Tunnels::act(Tunnel*, const noise::Checkpoint& action) {
  TunnelPeer& peer = peers_.at(action.peer);
  peer.record.greatest_received = action.timestamps.greatest_received;
  peer.record.last_sent = action.timestamps.last_sent;
  return commit(&peer);
}

bool Tunnels::commit(TunnelPeer* peer) {
  if (links_.checkpoint->commit(peer->record_key, peer->record)) {
    return true;
  }
  log::event(log::Level::error, log::Subsystem::control, "checkpoint_full",
             {{"peer", full_name(peer->number)}});
  return false;
}

void Tunnels::act(Tunnel* tunnel, const noise::SendDatagram& action) {
  if (!links_.dataplane->attached() || action.bytes.size() > abi::kMaxPayload) {
    return;
  }
  const auto way = links_.fib->resolve_endpoint(action.to.address, boottime_now());
  if (!way) {
    log::event(
        log::Level::warning, kHandshake, "no_route_to_endpoint",
        {{"interface", tunnel->settings.name}, {"endpoint", config::to_string(action.to.address)}});
    return;
  }
  // The way's neighbour must be known to the data plane before the packet.
  links_.fib->flush(boottime_now());
  abi::PacketRecord record;
  record.interface = tunnel->number;
  record.length = static_cast<std::uint16_t>(action.bytes.size());
  record.remote = action.to.address;
  record.remote_port = action.to.port;
  record.local = action.local.family == action.to.address.family ? action.local : way->local;
  record.local_port = htons(tunnel->settings.listen_port);
  record.neighbour = way->neighbour;
  std::copy(action.bytes.begin(), action.bytes.end(), record.payload.begin());
  if (!links_.dataplane->inject(record)) {
    log::event(log::Level::warning, kHandshake, "inject_ring_full",
               {{"interface", tunnel->settings.name}});
  }
}

void Tunnels::act(Tunnel*, const noise::InstallSession& action) {
  abi::CommandBody body = abi::SessionInstall{.local_id = action.local_id,
                                              .remote_id = action.remote_id,
                                              .peer = action.peer,
                                              .use = action.use,
                                              .window = replay_window_,
                                              .message_limit = noise::kRejectAfterMessages,
                                              .reject_after_ns = noise::kRejectAfterTime,
                                              .erase_after_ns = noise::kEraseAfterTime};
  auto& command = std::get<abi::SessionInstall>(body);
  std::memcpy(command.send_key.data(), action.send_key.bytes().data(), command.send_key.size());
  std::memcpy(command.receive_key.data(), action.receive_key.bytes().data(),
              command.receive_key.size());
  session_peer_[action.local_id] = action.peer;
  if (links_.dataplane->attached()) {
    links_.dataplane->send(body);
  }
  crypto::wipe(crypto::writable_bytes_of(command.send_key));
  crypto::wipe(crypto::writable_bytes_of(command.receive_key));
}

void Tunnels::act(Tunnel*, const noise::RemoveSession& action) {
  if (links_.dataplane->attached()) {
    links_.dataplane->send(abi::SessionRemove{.local_id = action.local_id});
  }
}

void Tunnels::act(Tunnel*, const noise::SendKeepalive& action) {
  if (links_.dataplane->attached()) {
    links_.dataplane->send(abi::KeepaliveSend{.peer = action.peer});
  }
}

void Tunnels::act(Tunnel*, const noise::EndpointLearned& action) {
  set_endpoint(&peers_.at(action.peer), action.endpoint, action.local);
}

void Tunnels::set_endpoint(TunnelPeer* peer, const noise::Endpoint& endpoint,
                           const abi::Address& local) {
  const bool moved = peer->endpoint != endpoint;
  if (!moved && peer->local == local) {
    return;
  }
  peer->endpoint = endpoint;
  peer->local = local;
  peer->record.endpoint = endpoint.address;
  peer->record.endpoint_port = endpoint.port;
  (void)commit(peer);  // an endpoint that is not kept costs a handshake, no more
  links_.fib->set_endpoint(peer->number, endpoint.address);
  links_.fib->flush(boottime_now());
  if (links_.dataplane->attached()) {
    send_peer(*peer);
  }
  if (moved) {
    log::event(log::Level::info, kHandshake, "endpoint_changed",
               {{"peer", full_name(peer->number)},
                {"endpoint", config::to_string(endpoint.address)},
                {"port", ntohs(endpoint.port)}});
  }
}

void Tunnels::act(Tunnel*, const noise::HandshakeDone& action) {
  log::event(log::Level::info, kHandshake, "handshake_done",
             {{"peer", full_name(action.peer)},
              {"role", action.role == noise::Role::initiator ? "initiator" : "responder"}});
}

void Tunnels::act(Tunnel*, const noise::HandshakeFailed& action) {
  log::event(log::Level::warning, kHandshake, "handshake_failed",
             {{"peer", full_name(action.peer)}, {"cause", noise::name(action.cause)}});
}

// ---------------------------------------------------------------- small things

Tunnel* Tunnels::tunnel_of(std::uint32_t peer) {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : &tunnels_[found->second.interface];
}

std::optional<noise::PeerStatus> Tunnels::status(const TunnelPeer& peer) const {
  return tunnels_[peer.interface].device.status(peer.number);
}

std::string Tunnels::full_name(std::uint32_t peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end()
             ? fmt::format("peer {}", peer)
             : tunnels_[found->second.interface].settings.name + "/" + found->second.settings.name;
}

}  // namespace gotthard::control
