// What no connection of [[ipsec]] can see alone; and what follows from the whole.
#include <algorithm>
#include <map>
#include <set>

#include "control/config/ike_suites.h"
#include "control/config/sections.h"
#include "crypto/suite.h"

namespace gotthard::config {
namespace {

// Of an [[ipsec]], a connection or a child, for messages.
class Lines {
 public:
  explicit Lines(const toml::table& root) : root_(root) {}
  [[nodiscard]] std::size_t at(std::size_t i) const { return line(root_["ipsec"][i]); }
  [[nodiscard]] std::size_t at(std::size_t i, std::size_t c) const {
    return line(root_["ipsec"][i]["connection"][c]);
  }
  [[nodiscard]] std::size_t at(std::size_t i, std::size_t c, std::size_t h) const {
    return line(root_["ipsec"][i]["connection"][c]["child"][h]);
  }

 private:
  template <typename View>
  static std::size_t line(const View& view) {
    return view ? view.node()->source().begin.line : 0;
  }
  const toml::table& root_;
};

bool overlap(const Prefix& a, const Prefix& b) {
  const std::uint8_t length = std::min(a.length, b.length);
  return a.address.family == b.address.family &&
         masked(a.address, length) == masked(b.address, length);
}

bool overlap(const TrafficSelector& a, const TrafficSelector& b) {
  return overlap(a.prefix, b.prefix) &&
         (a.protocol == 0 || b.protocol == 0 || a.protocol == b.protocol) &&
         a.first_port <= b.last_port && b.first_port <= a.last_port;
}

bool overlap(const std::vector<TrafficSelector>& a, const std::vector<TrafficSelector>& b) {
  return std::ranges::any_of(a, [&](const TrafficSelector& one) {
    return std::ranges::any_of(b,
                               [&](const TrafficSelector& other) { return overlap(one, other); });
  });
}

struct Place {
  std::size_t connection, child;
};

// A packet must be one connection's: keys of two of them are two peers' to know. Remote prefixes in
// order lie inside each other or apart, so only those that enclose one are compared with it.
void check_overlaps(const Ipsec& ipsec, std::size_t i, const Lines& lines, ReadContext* context) {
  std::multimap<Prefix, Place> open;
  std::multimap<Prefix, Place> all;
  for (std::size_t c = 0; c < ipsec.connections.size(); ++c) {
    for (std::size_t h = 0; h < ipsec.connections[c].children.size(); ++h) {
      for (const TrafficSelector& remote : ipsec.connections[c].children[h].remote_ts) {
        all.emplace(remote.prefix, Place{c, h});
      }
    }
  }
  std::vector<std::pair<Prefix, Place>> enclosing;
  for (const auto& [prefix, place] : all) {
    while (!enclosing.empty() && !overlap(enclosing.back().first, prefix)) {
      enclosing.pop_back();
    }
    for (const auto& [outer, other] : enclosing) {
      const Connection& one = ipsec.connections[place.connection];
      const Connection& another = ipsec.connections[other.connection];
      if (place.connection != other.connection &&
          overlap(one.children[place.child].remote_ts, another.children[other.child].remote_ts) &&
          overlap(one.children[place.child].local_ts, another.children[other.child].local_ts)) {
        context->report(
            lines.at(i, place.connection, place.child),
            fmt::format("'{}/{}' and '{}/{}' of {} name the same packets: make local_ts "
                        "or remote_ts of one of them smaller",
                        another.name, another.children[other.child].name, one.name,
                        one.children[place.child].name, ipsec.name));
        return;
      }
    }
    enclosing.emplace_back(prefix, place);
  }
}

void check_lab(const Connection& connection, const Child& child, std::size_t line,
               ReadContext* context) {
  if (child.lab_keys.empty()) {
    context->report(line, fmt::format("'{}/{}' has no keys: write lab_keys (for tests only)",
                                      connection.name, child.name));
    return;
  }
  for (const LabKeys& keys : child.lab_keys) {
    if (is_legacy(keys.suite) && !connection.allow_legacy) {
      context->report(line,
                      fmt::format("'{}' of '{}/{}' is for old peers only: write aes256gcm16, or "
                                  "allow_legacy = true in its connection",
                                  to_string(keys.suite), connection.name, child.name));
    }
  }
}

// What goes through is what the two ends say to each other.
void check_transport(const Connection& connection, const Child& child, std::size_t line,
                     ReadContext* context) {
  const auto names = [](const std::vector<TrafficSelector>& selectors, const Address& address) {
    const std::uint8_t host = address.family == abi::Family::ipv4 ? 32 : 128;
    return std::ranges::all_of(selectors, [&](const TrafficSelector& selector) {
      return selector.prefix == Prefix{.address = address, .length = host};
    });
  };
  const bool one_remote = connection.remotes.size() == 1;
  if (child.transport && (!connection.local || !names(child.local_ts, *connection.local) ||
                          !one_remote || !names(child.remote_ts, connection.remotes[0].address))) {
    context->report(line, fmt::format("'{}/{}' is in transport mode, which has no other addresses "
                                      "than the ends': write local and remote addresses of the "
                                      "connection, and the same ones in local_ts and remote_ts",
                                      connection.name, child.name));
  }
}

void check_connections(const Ipsec& ipsec, std::size_t i, const Lines& lines,
                       std::map<std::uint32_t, std::string>* spis, ReadContext* context) {
  std::set<std::string> names;
  for (std::size_t c = 0; c < ipsec.connections.size(); ++c) {
    const Connection& connection = ipsec.connections[c];
    if (!names.insert(connection.name).second) {
      context->report(lines.at(i, c), fmt::format("{} has two connections named '{}'", ipsec.name,
                                                  connection.name));
    }
    if (connection.remotes.empty() && connection.encapsulation == Encapsulation::none) {
      context->report(lines.at(i, c),
                      fmt::format("remote of '{}' is \"any\", whose address only ESP in UDP shows: "
                                  "write encapsulation = \"udp\", or an address",
                                  connection.name));
    }
    const bool of_two = std::ranges::any_of(connection.remotes, [&](const Remote& remote) {
      return remote.name.empty() && connection.local &&
             connection.local->family != remote.address.family;
    });
    if (of_two) {
      context->report(lines.at(i, c),
                      fmt::format("local and remote of '{}' are of two families: an outer packet "
                                  "has one",
                                  connection.name));
    }
    if (connection.ike) {
      check_ike(connection, lines.at(i, c), context);
    }
    std::set<std::string> children;
    for (std::size_t h = 0; h < connection.children.size(); ++h) {
      const Child& child = connection.children[h];
      const std::size_t line = lines.at(i, c, h);
      if (!children.insert(child.name).second) {
        context->report(
            line, fmt::format("'{}' has two children named '{}'", connection.name, child.name));
      }
      if (!connection.ike) {
        check_lab(connection, child, line, context);
      } else if (!child.lab_keys.empty()) {
        context->report(line, fmt::format("'{}/{}' has lab_keys, which are for tests only: write "
                                          "lab = true in its connection if this is one",
                                          connection.name, child.name));
      }
      check_transport(connection, child, line, context);
      const std::string name = connection.name + "/" + child.name;
      for (const LabKeys& keys : child.lab_keys) {
        const auto [found, added] = spis->emplace(keys.in_spi, name);
        if (!added) {
          context->report(line, fmt::format("in_spi {:#x} is of '{}' and of '{}': each has its own",
                                            keys.in_spi, found->second, name));
        }
      }
    }
  }
}

std::size_t outer_overhead(const Connection& connection) {
  const bool all4 = !connection.remotes.empty() &&
                    std::ranges::all_of(connection.remotes, [](const Remote& remote) {
                      return remote.address.family == abi::Family::ipv4;
                    });
  const std::size_t ip = all4 ? 20 : 40;
  return ip + (connection.encapsulation == Encapsulation::none ? 0 : 8);
}

}  // namespace

std::uint16_t inner_mtu(const Connection& connection, const EspSuite& esp, std::uint16_t mtu) {
  const auto suite = static_cast<crypto::Suite>(esp.suite);
  const std::size_t unit = std::max<std::size_t>(4, crypto::text_alignment(suite));
  constexpr std::size_t kEspHeader = 8, kTrailer = 2;
  const std::size_t around =
      outer_overhead(connection) + kEspHeader + crypto::iv_size(suite) + crypto::tag_size(suite);
  const std::size_t text = mtu > around ? (mtu - around) / unit * unit : 0;
  return static_cast<std::uint16_t>(text > kTrailer ? text - kTrailer : 0);
}

void work_out_mtus(Config* config) {
  std::uint16_t underlay = 9500;
  for (const Port& port : config->ports) {
    underlay = port.role == Role::underlay ? std::min(underlay, port.mtu) : underlay;
  }
  for (Ipsec& ipsec : config->ipsec) {
    if (ipsec.mtu != kAutomaticMtu) {
      continue;
    }
    ipsec.mtu = underlay > 100 ? underlay : 1400;
    for (const Connection& connection : ipsec.connections) {
      for (const Child& child : connection.children) {
        for (const LabKeys& keys : child.lab_keys) {
          ipsec.mtu = std::min(ipsec.mtu, inner_mtu(connection, keys.suite, underlay));
        }
        if (connection.ike) {
          for (const EspSuite& suite : suites_of(connection, child)) {
            ipsec.mtu = std::min(ipsec.mtu, inner_mtu(connection, suite, underlay));
          }
        }
      }
    }
  }
}

void check_ipsec(const Config& config, const toml::table& root, ReadContext* context) {
  const Lines lines(root);
  std::map<std::uint32_t, std::string> spis;
  for (std::size_t i = 0; i < config.ipsec.size(); ++i) {
    const Ipsec& ipsec = config.ipsec[i];
    if (ipsec.mtu < 576) {
      context->report(lines.at(i), fmt::format("the underlay's MTU leaves {} less than 576 bytes: "
                                               "raise the mtu of its [[port]]",
                                               ipsec.name));
    }
    for (const WireGuard& wireguard : config.wireguard) {
      if (ipsec.udp_port >= wireguard.listen_port &&
          ipsec.udp_port < wireguard.listen_port + wireguard.source_ports) {
        context->report(lines.at(i), fmt::format("{} and {} both listen on port {}", wireguard.name,
                                                 ipsec.name, ipsec.udp_port));
      }
    }
    check_connections(ipsec, i, lines, &spis, context);
    check_overlaps(ipsec, i, lines, context);
  }
}

std::vector<TunnelDevice> tunnel_devices(const Config& config) {
  std::vector<TunnelDevice> devices;
  for (const WireGuard& tunnel : config.wireguard) {
    devices.push_back({.name = tunnel.name,
                       .addresses = tunnel.addresses,
                       .mtu = tunnel.mtu,
                       .routes = tunnel.routes});
  }
  for (const Ipsec& tunnel : config.ipsec) {
    devices.push_back({.name = tunnel.name,
                       .addresses = tunnel.addresses,
                       .mtu = tunnel.mtu,
                       .routes = tunnel.routes,
                       .ipsec = true});
  }
  return devices;
}

std::vector<Prefix> remote_prefixes(const Ipsec& ipsec) {
  std::set<Prefix> prefixes;
  for (const Connection& connection : ipsec.connections) {
    for (const Child& child : connection.children) {
      for (const TrafficSelector& remote : child.remote_ts) {
        prefixes.insert(remote.prefix);
      }
    }
  }
  return {prefixes.begin(), prefixes.end()};
}

std::vector<std::string> audit(const Config& config) {
  std::vector<std::string> findings;
  for (const Ipsec& ipsec : config.ipsec) {
    for (const Connection& connection : ipsec.connections) {
      if (connection.lab) {
        findings.push_back(
            fmt::format("{}/{} has keys from files (lab = true): nobody has "
                        "authenticated the peer, and they are never renewed",
                        ipsec.name, connection.name));
      }
    }
  }
  return findings;
}

}  // namespace gotthard::config
