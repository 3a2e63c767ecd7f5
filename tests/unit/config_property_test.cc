// Any configuration, written as TOML, is read as it was; any key that is not known is refused with
// its line.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <sstream>

#include "control/config/config.h"

namespace gotthard::config {
namespace {

template <typename T>
T any(T least, T most) {  // both included
  return static_cast<T>(*rc::gen::inRange<std::int64_t>(least, std::int64_t{most} + 1));
}

bool chance() { return *rc::gen::arbitrary<bool>(); }

template <typename T>
T one_of(std::initializer_list<T> choices) {
  return *rc::gen::elementOf(std::vector<T>(choices));
}

// Distinct in whatever they are part of, as most things in a configuration must be.
class Counter {
 public:
  unsigned next() { return ++last_; }

 private:
  unsigned last_ = 0;
};

Address address(const std::string& text) { return parse_address(text).value(); }

Prefix any_prefix(std::set<Prefix>* taken) {
  for (;;) {
    const bool v6 = chance();
    Prefix prefix{.address = {.family = v6 ? abi::Family::ipv6 : abi::Family::ipv4},
                  .length = any<std::uint8_t>(0, v6 ? 128 : 32)};
    for (std::size_t bit = 0; bit < prefix.length; ++bit) {
      prefix.address.bytes.at(bit / 8) |=
          static_cast<std::uint8_t>(chance() ? 0x80U >> bit % 8 : 0);
    }
    if (taken->insert(prefix).second) {
      return prefix;
    }
  }
}

// The host part is 1, a network's first router; 2 is free for others.
InterfaceAddress any_own_address(Counter* counter) {
  const unsigned n = counter->next();
  return chance() ? InterfaceAddress{address(fmt::format("10.{}.{}.1", n / 256, n % 256)),
                                     any<std::uint8_t>(16, 30)}
                  : InterfaceAddress{address(fmt::format("fd00:{:x}::1", n)),
                                     any<std::uint8_t>(48, 126)};
}

Port any_port(Counter* counter) {
  const unsigned n = counter->next();
  Port port{.name = fmt::format("{}{}", one_of<const char*>({"p", "wan.", "lan-", "X_"}), n),
            .role = one_of({Role::underlay, Role::inside}),
            .device = one_of<std::string>(
                {fmt::format("net_af_packet{},iface=k{}", n, n),
                 fmt::format("net_af_xdp{},iface=k{},queue_count=1", n, n),
                 fmt::format("net_null{}", n), fmt::format("0000:{:02x}:00.1", n)}),
            .mtu = any<std::uint16_t>(1280, 9600)};
  for (unsigned i = any(0U, 3U); i > 0; --i) {
    port.addresses.push_back(any_own_address(counter));
  }
  std::set<Prefix> taken;
  for (unsigned i = any(0U, 2U); i > 0; --i) {
    port.allow_plain.push_back(any_prefix(&taken));
  }
  return port;
}

std::optional<Endpoint> any_endpoint() {
  Endpoint endpoint{
      .host = one_of<std::string>({"192.0.2.7", "2001:db8::7", "b.example", "b_1.x-y"}),
      .port = any<std::uint16_t>(1, 65535)};
  if (const auto literal = parse_address(endpoint.host)) {
    endpoint.address = *literal;
  }
  return chance() ? std::optional(endpoint) : std::nullopt;
}

Peer any_peer(Counter* counter, std::set<Prefix>* prefixes) {
  const unsigned n = counter->next();
  Peer peer{
      .name = fmt::format("{}{}", one_of<const char*>({"b", "\"", "\\", "ü", "'#[", "=."}), n),
      .preshared_key_file = one_of<std::string>({"", "/k/a b.psk", "/k/\"\\.psk"}),
      .endpoint = any_endpoint(),
      .persistent_keepalive = any<std::uint16_t>(0, 65535)};
  peer.public_key = {static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(n >> 8), 1,
                     any<std::uint8_t>(0, 255)};
  for (unsigned i = any(0U, 4U); i > 0; --i) {
    peer.allowed_ips.push_back(any_prefix(prefixes));
  }
  return peer;
}

WireGuard any_tunnel(Counter* counter, std::set<Prefix>* prefixes) {
  const unsigned n = counter->next();
  WireGuard result{
      .name = fmt::format("wg{}", n),
      .listen_port = static_cast<std::uint16_t>(100 * n + any(0U, 36U)),
      .private_key_file = "/k/wg.key",
      .fwmark = any<std::uint32_t>(0, 0xffffffff),
      .mtu = any<std::uint16_t>(576, 9500),
      .routes = one_of({RoutePolicy::allowed_ips, RoutePolicy::all, RoutePolicy::none}),
      .reorder_budget = any<std::uint16_t>(64, 65535),
      .copy_dscp = chance(),
      .mss_clamp = chance(),
      .source_ports = any<std::uint8_t>(1, 64)};
  for (unsigned i = any(0U, 2U); i > 0; --i) {
    result.addresses.push_back(any_own_address(counter));
  }
  for (unsigned i = any(0U, 3U); i > 0; --i) {
    result.peers.push_back(any_peer(counter, prefixes));
  }
  return result;
}

Dataplane any_dataplane() {
  Dataplane result{
      .hugepages = one_of({Hugepages::automatic, Hugepages::never, Hugepages::required}),
      .idle = one_of({Idle::adaptive, Idle::poll}),
      .aead = one_of(
          {crypto::Backend::automatic, crypto::Backend::portable, crypto::Backend::ipsec_mb}),
      .spread = one_of({Spread::automatic, Spread::never, Spread::always}),
      .mbufs = any(4096U, 16777216U),
      .routes = any(64U, 4194304U),
      .replay_window = any(1024U, 1048576U)};
  if (chance()) {
    result.workers = any(1U, 64U);
  } else if (chance()) {
    const unsigned first = any(0U, 4000U);
    result.cores = {first, first + 1, first + any(2U, 95U)};
  }
  return result;
}

Config any_config() {
  Counter counter;
  Config config{.dataplane = any_dataplane(),
                .log = {.format = one_of({log::Format::logfmt, log::Format::json}),
                        .level = one_of({log::Level::debug, log::Level::info, log::Level::warning,
                                         log::Level::error, log::Level::off})}};
  for (unsigned i = any(1U, 3U); i > 0; --i) {
    config.ports.push_back(any_port(&counter));
  }
  std::set<Prefix> prefixes;
  for (unsigned i = any(0U, 2U); i > 0; --i) {
    config.wireguard.push_back(any_tunnel(&counter, &prefixes));
  }
  std::set<Prefix> destinations;
  for (unsigned i = any(0U, 3U); i > 0; --i) {
    Route route{.destination = any_prefix(&destinations)};
    for (const InterfaceAddress& own : config.ports.front().addresses) {
      if (own.address.family == route.destination.address.family) {
        route.via = own.address;
        route.via->bytes.at(own.address.family == abi::Family::ipv6 ? 15 : 3) = 2;
      }
    }
    route.interface = route.via ? "" : config.ports.back().name;
    config.routes.push_back(route);
  }
  return config;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    result += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  }
  return result + "\"";
}

template <typename T>
std::string listed(const std::vector<T>& values) {
  std::string result;
  for (const T& value : values) {
    if constexpr (std::is_integral_v<T>) {
      result += fmt::format("{}, ", value);
    } else {
      result += quoted(to_string(value)) + ",\n    ";
    }
  }
  return "[" + result + "]";
}

template <typename E>
std::string chosen(E value, std::initializer_list<const char*> words) {
  return quoted(std::data(words)[static_cast<std::size_t>(value)]);
}

std::string written(const Peer& peer) {
  std::string text = fmt::format(
      "[[wireguard.peer]]\nname = {}\npublic_key = {}\nallowed_ips = {}\npersistent_keepalive = "
      "{}\n",
      quoted(peer.name), quoted(key_to_string(peer.public_key)), listed(peer.allowed_ips),
      peer.persistent_keepalive);
  if (!peer.preshared_key_file.empty()) {
    text += fmt::format("preshared_key_file = {}\n", quoted(peer.preshared_key_file));
  }
  if (peer.endpoint) {
    text += fmt::format("endpoint = {}\n", quoted(to_string(*peer.endpoint)));
  }
  return text;
}

std::string written(const WireGuard& tunnel) {
  std::string text = fmt::format(
      "[[wireguard]]\nname = {}\nlisten_port = {}\nprivate_key_file = {}\nfwmark = {:#x}\n"
      "addresses = {}\nmtu = {}\nroutes = {}\nreorder_budget = {}\ndscp = {}\nmss_clamp = {}\n"
      "source_ports = {}\n",
      quoted(tunnel.name), tunnel.listen_port, quoted(tunnel.private_key_file), tunnel.fwmark,
      listed(tunnel.addresses), tunnel.mtu, chosen(tunnel.routes, {"allowed_ips", "all", "none"}),
      tunnel.reorder_budget, chosen(tunnel.copy_dscp, {"zero", "copy"}), tunnel.mss_clamp,
      tunnel.source_ports);
  for (const Peer& peer : tunnel.peers) {
    text += written(peer);
  }
  return text;
}

std::string written(const Dataplane& dataplane) {
  std::string text = fmt::format(
      "[dataplane]\nhugepages = {}\nidle = {}\naead = {}\nspread = {}\nmbufs = {}\n"
      "routes = {}\nreplay_window = {}\n",
      chosen(dataplane.hugepages, {"auto", "never", "required"}),
      chosen(dataplane.idle, {"adaptive", "poll"}),
      chosen(dataplane.aead, {"auto", "portable", "ipsec_mb"}),
      chosen(dataplane.spread, {"auto", "never", "always"}), *dataplane.mbufs, dataplane.routes,
      dataplane.replay_window);
  if (dataplane.workers) {
    text += fmt::format("workers = {}\n", *dataplane.workers);
  }
  if (!dataplane.cores.empty()) {
    text += fmt::format("cores = {}\n", listed(dataplane.cores));
  }
  return text;
}

std::string written(const Config& config) {
  std::string text = written(config.dataplane);
  text +=
      fmt::format("[log]\nformat = {}\nlevel = {}\n", chosen(config.log.format, {"logfmt", "json"}),
                  chosen(config.log.level, {"debug", "info", "warning", "error", "off"}));
  for (const Port& port : config.ports) {
    text += fmt::format(
        "[[port]]\nname = {}\nrole = {}\ndevice = {}\naddresses = {}\nmtu = {}\nallow_plain = {}\n",
        quoted(port.name), chosen(port.role, {"underlay", "inside"}), quoted(port.device),
        listed(port.addresses), port.mtu, listed(port.allow_plain));
  }
  for (const Route& route : config.routes) {
    text += fmt::format("[[route]]\ndestination = {}\n", quoted(to_string(route.destination)));
    text += route.via ? fmt::format("via = {}\n", quoted(to_string(*route.via)))
                      : fmt::format("interface = {}\n", quoted(route.interface));
  }
  for (const WireGuard& tunnel : config.wireguard) {
    text += written(tunnel);
  }
  return text;
}

RC_GTEST_PROP(ConfigProperty, WhatIsWrittenIsRead, ()) {
  const Config config = any_config();
  const std::string text = written(config);
  RC_LOG() << text;
  const auto read = parse(text, "/etc/gotthard/a.toml");
  RC_ASSERT(read.map_error([](const Error& error) { RC_LOG() << error.message; }).has_value());
  RC_ASSERT(*read == config);
}

// In any table, the last key's line excepted as values may span lines: right below the header.
RC_GTEST_PROP(ConfigProperty, AnUnknownKeyIsRefusedWithItsLine, ()) {
  const std::string key = "zz" + *rc::gen::container<std::string>(rc::gen::inRange<char>('a', 'z'));
  std::istringstream lines(written(any_config()));
  std::vector<std::string> text;
  std::vector<std::size_t> places = {0};  // what stands above all tables is the file's own
  for (std::string line; std::getline(lines, line);) {
    text.push_back(line);
    if (line.starts_with('[')) {
      places.push_back(text.size());
    }
  }
  const std::size_t place = *rc::gen::elementOf(places);
  text.insert(text.begin() + static_cast<std::ptrdiff_t>(place), key + " = 1");
  std::string whole;
  for (const std::string& line : text) {
    whole += line + "\n";
  }
  const auto read = parse(whole, "/a.toml");
  RC_ASSERT(!read.has_value());
  const std::string& said = read.error().message;
  RC_LOG() << said;
  RC_ASSERT(said.starts_with(fmt::format("/a.toml:{}: ", place + 1)));
  RC_ASSERT(said.find(fmt::format("has no key '{}': ", key)) != std::string::npos);
}

}  // namespace
}  // namespace gotthard::config
