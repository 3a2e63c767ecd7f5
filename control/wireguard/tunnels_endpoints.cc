// Where peers are: as they were given, as their names' servers say, as they show themselves.
#include <arpa/inet.h>

#include <algorithm>

#include "base/log.h"
#include "control/wireguard/tunnels.h"

namespace gotthard::control {
namespace {

// How long a name's server is left alone after a question.
constexpr Nanoseconds kNameInterval = 5 * kSecond;
// The first had its five seconds.
constexpr std::uint32_t kUnansweredBeforeName = 2;
// A peer may move with each of its packets; the checkpoint and the log hear of it that often.
constexpr Nanoseconds kKeepInterval = kSecond;

}  // namespace

// ---------------------------------------------------------------- as given

void Tunnels::give_endpoint(Tunnel* tunnel, TunnelPeer* peer, const config::Endpoint& given) {
  peer->settings.endpoint = given;
  peer->name = {};
  if (!given.address) {
    // A control that is started meanwhile asks too.
    forget_record_endpoint(peer);
    peer->name.is_new = true;
    ask_for_name(peer);
    return;
  }
  const noise::Endpoint endpoint{.address = *given.address, .port = htons(given.port)};
  if (peer->endpoint != endpoint || peer->local.family != abi::Family::none) {
    tunnel->device.on_endpoint_moved(peer->number, endpoint, {});
    set_endpoint(peer, endpoint, {}, Keep::now);
  }
}

// Where it was heard lately it may be still; where it was only expected to be nobody looks for it.
void Tunnels::take_endpoint(Tunnel* tunnel, TunnelPeer* peer, Nanoseconds now) {
  peer->settings.endpoint.reset();
  peer->name = {};
  const Nanoseconds heard = status(*peer).value_or(noise::PeerStatus{}).last_handshake;
  if (!peer->endpoint || (heard != 0 && now < heard + noise::kRejectAfterTime)) {
    return;
  }
  tunnel->device.forget_endpoint(peer->number);
  peer->endpoint.reset();
  peer->local = {};
  forget_record_endpoint(peer);
  links_.fib->set_endpoint(peer->interface, peer->number, {});
}

void Tunnels::forget_record_endpoint(TunnelPeer* peer) {
  peer->moved = false;
  if (peer->record.endpoint.family != abi::Family::none) {
    peer->record.endpoint = {};
    peer->record.endpoint_port = 0;
    (void)commit(peer);
  }
}

// ---------------------------------------------------------------- by name

// It was given by name, and does not answer where it was: it may have moved with its name.
bool Tunnels::name_is_stale(const TunnelPeer& peer) {
  return peer.settings.endpoint && !peer.settings.endpoint->address &&
         peer.unanswered >= kUnansweredBeforeName;
}

bool Tunnels::wants_name(const TunnelPeer& peer) {
  return !peer.endpoint || peer.name.is_new || name_is_stale(peer);
}

void Tunnels::ask_for_name(TunnelPeer* peer) {
  const Nanoseconds now = boottime_now();
  if (peer->name.asked || !peer->settings.endpoint || peer->settings.endpoint->address ||
      (peer->name.asked_at != 0 && now < peer->name.asked_at + kNameInterval)) {
    return;
  }
  peer->name.asked_at = now;
  peer->name.asked = links_.resolve_name(peer->number, peer->settings.endpoint->host);
}

namespace {

// An address of the name's: that of now while it may be the right one, else the next after it, so
// that each has its turn.
const abi::Address& choose(std::span<const abi::Address> addresses,
                           const std::optional<noise::Endpoint>& now, bool stale) {
  const auto at = now ? std::ranges::find(addresses, now->address) : addresses.end();
  if (at == addresses.end()) {
    return addresses.front();
  }
  return !stale ? *at : at + 1 != addresses.end() ? *(at + 1) : addresses.front();
}

}  // namespace

void Tunnels::on_name_resolved(std::uint32_t number, const std::string& name,
                               std::span<const abi::Address> addresses) {
  const auto found = peers_.find(number);
  // It may have been given another name since.
  if (found == peers_.end() || !found->second.settings.endpoint ||
      found->second.settings.endpoint->host != name) {
    return;
  }
  TunnelPeer& peer = found->second;
  peer.name.asked = false;
  // An address that the peer itself has shown is better than a name's, as long as it answers there.
  if (addresses.empty() || !wants_name(peer)) {
    return;
  }
  const noise::Endpoint endpoint{
      .address = choose(addresses, peer.endpoint, name_is_stale(peer) && !peer.name.is_new),
      .port = htons(peer.settings.endpoint->port)};
  peer.name.is_new = false;
  if (peer.endpoint == endpoint) {
    return;
  }
  peer.unanswered = 0;
  tunnels_[peer.interface].device.on_endpoint_moved(number, endpoint, {});
  set_endpoint(&peer, endpoint, {}, Keep::now);
}

// ---------------------------------------------------------------- as it is

void Tunnels::set_endpoint(TunnelPeer* peer, const noise::Endpoint& endpoint,
                           const abi::Address& local, Keep keep) {
  if (peer->endpoint == endpoint && peer->local == local) {
    return;
  }
  peer->moved |= peer->endpoint != endpoint;
  peer->endpoint = endpoint;
  peer->local = local;
  if (keep == Keep::now) {
    peer->kept_at = 0;
  }
  keep_moved_endpoint(peer, boottime_now());
  links_.fib->set_endpoint(peer->interface, peer->number, endpoint.address, local);
  links_.fib->flush(boottime_now());
  if (links_.dataplane->attached()) {
    send_peer(*peer);
  }
}

void Tunnels::keep_moved_endpoint(TunnelPeer* peer, Nanoseconds now) {
  if (!peer->moved || !peer->endpoint ||
      (peer->kept_at != 0 && now < peer->kept_at + kKeepInterval)) {
    return;
  }
  peer->moved = false;
  peer->kept_at = now;
  peer->record.endpoint = peer->endpoint->address;
  peer->record.endpoint_port = peer->endpoint->port;
  (void)commit(peer);  // an endpoint that is not kept costs a handshake, no more
  log::event(log::Level::info, log::Subsystem::handshake, "endpoint_changed",
             {{"peer", full_name(peer->number)},
              {"endpoint", config::to_string(peer->endpoint->address)},
              {"port", ntohs(peer->endpoint->port)}});
}

}  // namespace gotthard::control
