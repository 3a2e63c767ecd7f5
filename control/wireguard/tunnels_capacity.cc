// Whether the data plane's tables have room for what a change lets peers be sent.
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "control/wireguard/tunnels.h"

namespace gotthard::control {
namespace {

// As the prefixes of one interface will be: the last claimant has it.
using Claims = std::map<config::Prefix, crypto::PublicKey>;

void change_claims(const PeerChange& change, Claims* claims) {
  if (change.remove || change.replace_allowed_ips) {
    std::erase_if(*claims, [&](const auto& claim) { return claim.second == change.public_key; });
  }
  if (change.remove) {
    return;
  }
  for (const config::Prefix& prefix : change.allowed_ips) {
    (*claims)[prefix] = change.public_key;
  }
  for (const config::Prefix& prefix : change.removed_allowed_ips) {
    if (const auto claim = claims->find(prefix);
        claim != claims->end() && claim->second == change.public_key) {
      claims->erase(claim);
    }
  }
}

std::size_t added_by(std::span<const TunnelChange> changes) {
  std::size_t added = 0;
  for (const auto& [interface, change] : changes) {
    for (const PeerChange& peer : change.peers) {
      added += peer.allowed_ips.size();
    }
  }
  return added;
}

}  // namespace

std::optional<ChangeRefused> Tunnels::allowed_ips_refused(
    std::span<const TunnelChange> changes) const {
  // Mostly there is room for all that there is and all that comes.
  if (links_.fib->allowed_ip_count() + added_by(changes) <= table_size_) {
    return std::nullopt;
  }
  std::vector<Claims> claims(tunnels_.size());
  for (const auto& [number, peer] : peers_) {
    for (const config::Prefix& prefix : allowed_ips(number)) {
      claims[peer.interface].emplace(prefix, peer.settings.public_key);
    }
  }
  for (const auto& [interface, change] : changes) {
    if (change.replace_peers) {
      claims.at(interface).clear();
    }
    for (const PeerChange& peer : change.peers) {
      change_claims(peer, &claims.at(interface));
    }
  }
  std::map<abi::Family, std::set<config::Prefix>> distinct;
  for (const Claims& of_interface : claims) {
    for (const auto& [prefix, key] : of_interface) {
      distinct[prefix.address.family].insert(prefix);
    }
  }
  for (const auto& [family, prefixes] : distinct) {
    if (prefixes.size() > table_size_) {
      return ChangeRefused{
          ENOSPC,
          fmt::format("there would be {} {} prefixes in allowed IPs, and the tables are made for "
                      "{}: write a greater `routes` in [dataplane] and start anew",
                      prefixes.size(), family == abi::Family::ipv4 ? "IPv4" : "IPv6", table_size_)};
    }
  }
  return std::nullopt;
}

}  // namespace gotthard::control
