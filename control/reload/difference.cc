#include "control/reload/difference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "control/reload/ipsec_difference.h"
#include "control/reload/keys.h"
#include "crypto/x25519.h"

namespace gotthard::control {
namespace {

// ---------------------------------------------------------------- values as the file has them

std::string text(const std::string& value) { return value; }
std::string text(bool value) { return value ? "true" : "false"; }
std::string text(unsigned value) { return std::to_string(value); }
std::string text(const std::optional<unsigned>& value) { return value ? text(*value) : "default"; }
std::string text(const std::vector<unsigned>& values) {
  return fmt::format("{}", fmt::join(values, " "));
}
std::string text(log::Level level) { return std::string(log::name(level)); }
std::string text(log::Format format) { return format == log::Format::json ? "json" : "logfmt"; }
std::string text(const std::optional<config::Endpoint>& endpoint) {
  return endpoint ? config::to_string(*endpoint) : "";
}

template <typename Enum, std::size_t N>
std::string word(Enum value, const std::array<const char*, N>& words) {
  return words.at(static_cast<std::size_t>(value));
}
std::string text(config::Hugepages value) {
  return word(value, std::array{"auto", "never", "required"});
}
std::string text(config::Idle value) { return word(value, std::array{"adaptive", "poll"}); }
std::string text(crypto::Backend value) { return crypto::name_of(value); }
std::string text(config::Spread value) {
  return word(value, std::array{"auto", "never", "always"});
}
std::string text(config::Role value) { return word(value, std::array{"underlay", "inside"}); }
std::string text(config::RoutePolicy value) {
  return word(value, std::array{"allowed_ips", "all", "none"});
}

// ---------------------------------------------------------------- comparing

enum class Live : std::uint8_t { yes, no };

class Comparison {
 public:
  explicit Comparison(std::vector<Difference>* found) : found_(found) {}

  template <typename T>
  void value(const std::string& where, const char* key, const T& from, const T& to,
             Live live = Live::yes) {
    if (const std::string before = text(from), after = text(to); before != after) {
      note({where, key, before, after, live == Live::yes});
    }
  }
  // In whatever order.
  void list(const std::string& where, const char* key, const std::vector<config::Prefix>& from,
            const std::vector<config::Prefix>& to) {
    const std::set<config::Prefix> before(from.begin(), from.end());
    const std::set<config::Prefix> after(to.begin(), to.end());
    const std::string gone = without(before, after);
    const std::string come = without(after, before);
    if (!gone.empty() || !come.empty()) {
      note({where, key, gone, come, true});
    }
  }
  void note(Difference difference) { found_->push_back(std::move(difference)); }

 private:
  static std::string without(const std::set<config::Prefix>& all,
                             const std::set<config::Prefix>& taken) {
    std::vector<std::string> left;
    for (const config::Prefix& prefix : all) {
      if (!taken.contains(prefix)) {
        left.push_back(config::to_string(prefix));
      }
    }
    return fmt::format("{}", fmt::join(left, " "));
  }

  std::vector<Difference>* found_;
};

void compare(Comparison* c, const config::Dataplane& from, const config::Dataplane& to) {
  constexpr const char* kWhere = "dataplane";
  c->value(kWhere, "workers", from.workers, to.workers, Live::no);
  c->value(kWhere, "cores", from.cores, to.cores, Live::no);
  c->value(kWhere, "hugepages", from.hugepages, to.hugepages, Live::no);
  c->value(kWhere, "idle", from.idle, to.idle, Live::no);
  c->value(kWhere, "aead", from.aead, to.aead, Live::no);
  c->value(kWhere, "spread", from.spread, to.spread, Live::no);
  c->value(kWhere, "mbufs", from.mbufs, to.mbufs, Live::no);
  c->value(kWhere, "routes", from.routes, to.routes, Live::no);
  c->value(kWhere, "replay_window", from.replay_window, to.replay_window, Live::no);
}

// Their places in the file are their numbers in all records: an interface or a port cannot move.
template <typename Section>
bool same_names(Comparison* c, const char* kind, const std::vector<Section>& from,
                const std::vector<Section>& to) {
  const auto names = [](const std::vector<Section>& sections) {
    std::vector<std::string> all;
    std::ranges::transform(sections, std::back_inserter(all), &Section::name);
    return fmt::format("{}", fmt::join(all, " "));
  };
  const std::string before = names(from);
  const std::string after = names(to);
  if (before != after) {
    c->note({kind, "name", before, after, false});
  }
  return before == after;
}

void compare(Comparison* c, const config::Port& from, const config::Port& to) {
  const std::string where = "port " + from.name;
  c->value(where, "role", from.role, to.role, Live::no);
  c->value(where, "device", from.device, to.device, Live::no);
  c->value<unsigned>(where, "mtu", from.mtu, to.mtu, Live::no);
  c->list(where, "addresses", from.addresses, to.addresses);
  c->list(where, "allow_plain", from.allow_plain, to.allow_plain);
}

void compare(Comparison* c, const std::vector<config::Route>& from,
             const std::vector<config::Route>& to) {
  const auto ways = [](const std::vector<config::Route>& routes) {
    std::map<config::Prefix, std::string> all;
    for (const config::Route& route : routes) {
      all[route.destination] =
          route.via ? "via " + config::to_string(*route.via) : "interface " + route.interface;
    }
    return all;
  };
  const auto before = ways(from);
  const auto after = ways(to);
  for (const auto& [destination, way] : before) {
    const auto now = after.find(destination);
    c->value("route " + config::to_string(destination), "", way,
             now == after.end() ? std::string() : now->second);
  }
  for (const auto& [destination, way] : after) {
    if (!before.contains(destination)) {
      c->note({"route " + config::to_string(destination), "", "", way, true});
    }
  }
}

std::string public_key_text(const crypto::Secret<32>* key) {
  if (key == nullptr) {
    return "";
  }
  auto private_key = crypto::PrivateKey::copy_of(key->bytes());
  crypto::clamp(private_key);
  return "of " + config::key_to_string(crypto::public_key(private_key));
}

// ---------------------------------------------------------------- WireGuard

struct PeerIn {
  const config::Peer& peer;
  const Keys& keys;
};

void compare(Comparison* c, const std::string& interface, const PeerIn& from, const PeerIn& to) {
  const std::string where = interface + "/" + to.peer.name;
  c->value(where, "name", from.peer.name, to.peer.name);
  const auto* psk_before = find_key(from.keys, from.peer.preshared_key_file);
  const auto* psk_after = find_key(to.keys, to.peer.preshared_key_file);
  if (!same_key(psk_before, psk_after)) {
    const bool had = psk_before != nullptr;
    c->note({where, "preshared_key", had ? "set" : "",
             psk_after == nullptr ? ""
             : had                ? "another"
                                  : "set",
             true});
  }
  c->value(where, "endpoint", from.peer.endpoint, to.peer.endpoint);
  c->list(where, "allowed_ips", from.peer.allowed_ips, to.peer.allowed_ips);
  c->value<unsigned>(where, "persistent_keepalive", from.peer.persistent_keepalive,
                     to.peer.persistent_keepalive);
}

void compare(Comparison* c, const config::WireGuard& from, const Keys& from_keys,
             const config::WireGuard& to, const Keys& to_keys) {
  const std::string& where = from.name;
  const auto* before = find_key(from_keys, from.private_key_file);
  const auto* after = find_key(to_keys, to.private_key_file);
  if (!same_key(before, after)) {
    c->note({where, "private_key", public_key_text(before), public_key_text(after), true});
  }
  c->value<unsigned>(where, "listen_port", from.listen_port, to.listen_port);
  c->value<unsigned>(where, "source_ports", from.source_ports, to.source_ports);
  c->value(where, "fwmark", from.fwmark, to.fwmark);
  c->list(where, "addresses", from.addresses, to.addresses);
  c->value<unsigned>(where, "mtu", from.mtu, to.mtu);
  c->value(where, "routes", from.routes, to.routes);
  c->value<unsigned>(where, "reorder_budget", from.reorder_budget, to.reorder_budget);
  c->value<std::string>(where, "dscp", from.copy_dscp ? "copy" : "zero",
                        to.copy_dscp ? "copy" : "zero");
  c->value(where, "mss_clamp", from.mss_clamp, to.mss_clamp);
  std::map<crypto::PublicKey, const config::Peer*> had;
  for (const config::Peer& peer : from.peers) {
    had[peer.public_key] = &peer;
  }
  for (const config::Peer& peer : to.peers) {
    const auto known = had.find(peer.public_key);
    if (known == had.end()) {
      c->note({where + "/" + peer.name, "", "", "added", true});
      continue;
    }
    compare(c, where, {*known->second, from_keys}, {peer, to_keys});
    had.erase(known);
  }
  for (const config::Peer& peer : from.peers) {
    if (had.contains(peer.public_key)) {
      c->note({where + "/" + peer.name, "", "", "removed", true});
    }
  }
}

}  // namespace

std::vector<Difference> differences(const Settings& from, const Settings& to) {
  std::vector<Difference> found;
  Comparison comparison(&found);
  compare(&comparison, from.config.dataplane, to.config.dataplane);
  comparison.value("log", "format", from.config.log.format, to.config.log.format, Live::no);
  comparison.value("log", "level", from.config.log.level, to.config.log.level);
  if (same_names(&comparison, "port", from.config.ports, to.config.ports)) {
    for (std::size_t i = 0; i < from.config.ports.size(); ++i) {
      compare(&comparison, from.config.ports[i], to.config.ports[i]);
    }
  }
  compare(&comparison, from.config.routes, to.config.routes);
  if (same_names(&comparison, "wireguard", from.config.wireguard, to.config.wireguard)) {
    for (std::size_t i = 0; i < from.config.wireguard.size(); ++i) {
      compare(&comparison, from.config.wireguard[i], from.keys, to.config.wireguard[i], to.keys);
    }
  }
  if (same_names(&comparison, "ipsec", from.config.ipsec, to.config.ipsec)) {
    for (std::size_t i = 0; i < from.config.ipsec.size(); ++i) {
      for (Difference& one : ipsec_differences({from.config.ipsec[i], from.ike_files},
                                               {to.config.ipsec[i], to.ike_files})) {
        comparison.note(std::move(one));
      }
    }
  }
  return found;
}

}  // namespace gotthard::control
