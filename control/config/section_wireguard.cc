// [[wireguard]] and its peers.
#include <algorithm>
#include <charconv>

#include "control/config/sections.h"

namespace gotthard::config {
namespace {

std::string beside(const std::filesystem::path& base, const std::string& file) {
  return (base / file).lexically_normal().string();
}

Peer read_peer(TableReader& reader, const std::filesystem::path& base) {
  Peer peer;
  if (const auto name = reader.required_text("name")) {
    peer.name = name->value;
    if (!valid_peer_name(peer.name)) {
      reader.report(name->line,
                    fmt::format("'{}' is no peer's name: write at most 63 characters without "
                                "spaces and '/', as it is used as INTERFACE/NAME",
                                peer.name));
    }
  }
  if (const auto key = reader.required_text("public_key")) {
    if (const auto parsed =
            parse_at<std::array<std::uint8_t, 32>>(reader, "public_key", *key, parse_key)) {
      peer.public_key = *parsed;
      if (peer.public_key == std::array<std::uint8_t, 32>{}) {
        reader.report(key->line,
                      "'public_key' is all zero: write the key that the peer's "
                      "`gotthard pubkey` or `wg pubkey` prints");
      }
    }
  }
  if (const auto file = reader.text("preshared_key_file")) {
    peer.preshared_key_file = beside(base, file->value);
  }
  if (const auto endpoint = reader.text("endpoint")) {
    peer.endpoint = parse_at<Endpoint>(reader, "endpoint", *endpoint, parse_endpoint);
  }
  peer.allowed_ips = parse_all<Prefix>(reader, "allowed_ips", parse_prefix);
  if (const auto keepalive = reader.number("persistent_keepalive", 0, 65535)) {
    peer.persistent_keepalive = static_cast<std::uint16_t>(keepalive->value);
  }
  return peer;
}

}  // namespace

// A name that ends in a number would be a mistyped address.
bool valid_host(std::string_view host) {
  constexpr std::size_t kMaxLength = 253;
  if (host.empty() || host.size() > kMaxLength || host.front() == '.' || host.front() == '-') {
    return false;
  }
  const auto last = host.substr(host.find_last_of('.') + 1);
  const auto digit = [](unsigned char c) { return c >= '0' && c <= '9'; };
  if (!last.empty() && std::all_of(last.begin(), last.end(), digit)) {
    return false;
  }
  return std::all_of(host.begin(), host.end(), [&](unsigned char c) {
    return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '_';
  });
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return fail("'{}' has no port: write HOST:51820", text);
  }
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return fail("'{}' is an IPv6 address without brackets: write [ADDRESS]:PORT", text);
  }
  const std::string_view digits = text.substr(colon + 1);
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0 || port > 65535) {
    return fail("'{}' has no port from 1 to 65535", text);
  }
  Endpoint endpoint{.host = std::string(host), .port = static_cast<std::uint16_t>(port)};
  if (const auto address = parse_address(host)) {
    if (bracketed != (address->family == abi::Family::ipv6) || !is_unicast(*address)) {
      return fail("'{}' is no address of one host: write ADDRESS:PORT or [IPV6-ADDRESS]:PORT",
                  text);
    }
    endpoint.address = *address;
  } else if (bracketed || !valid_host(host)) {
    return fail("'{}' is neither an address nor a host name", host);
  }
  return endpoint;
}

std::string to_string(const Endpoint& endpoint) {
  const bool brackets = endpoint.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", brackets ? "[" : "", endpoint.host, brackets ? "]" : "",
                     endpoint.port);
}

bool valid_peer_name(const std::string& name) {
  constexpr std::size_t kMaxLength = 63;
  return !name.empty() && name.size() <= kMaxLength &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return c > ' ' && c != 0x7f && c != '/'; });
}

bool listen_together(std::uint16_t port, const WireGuard& wireguard, const WireGuard& other) {
  return port < other.listen_port + other.source_ports &&
         other.listen_port < port + wireguard.source_ports;
}

WireGuard read_wireguard(TableReader& reader, const std::filesystem::path& base) {
  WireGuard result;
  result.name = read_interface_name(reader);
  if (const auto port = reader.number("listen_port", 1, 65535)) {
    result.listen_port = static_cast<std::uint16_t>(port->value);
  }
  if (const auto file = reader.required_text("private_key_file")) {
    result.private_key_file = beside(base, file->value);
  }
  if (const auto mark = reader.number("fwmark", 0, 0xffffffff)) {
    result.fwmark = static_cast<std::uint32_t>(mark->value);
  }
  result.addresses = parse_all<InterfaceAddress>(reader, "addresses", parse_own_address);
  if (const auto mtu = reader.number("mtu", 576, 9500)) {
    result.mtu = static_cast<std::uint16_t>(mtu->value);
  }
  if (const auto index = reader.choice("routes", {"allowed_ips", "all", "none"})) {
    result.routes = static_cast<RoutePolicy>(*index);
  }
  result.copy_dscp = reader.choice("dscp", {"zero", "copy"}) == 1;
  if (const auto ports = reader.number("source_ports", 1, abi::kMaxSourcePorts)) {
    result.source_ports = static_cast<std::uint8_t>(ports->value);
    if (result.listen_port + result.source_ports > 65536) {
      reader.report(ports->line,
                    fmt::format("'source_ports' from {} on go beyond port 65535: write "
                                "a smaller listen_port",
                                result.listen_port));
    }
  }
  result.mss_clamp = reader.flag("mss_clamp").value_or(false);
  // Two workers need 128: half of it must cover workers times the burst of 32.
  if (const auto budget = reader.number("reorder_budget", 64, 65535)) {
    result.reorder_budget = static_cast<std::uint16_t>(budget->value);
  }
  reader.tables("peer", [&](TableReader& peer) { result.peers.push_back(read_peer(peer, base)); });
  return result;
}

}  // namespace gotthard::config
