// [[wireguard]] and its peers.
#include <algorithm>
#include <charconv>

#include "control/config/sections.h"

namespace gotthard::config {
namespace {

// "host:port", "1.2.3.4:port" or "[v6]:port".
Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return fail("'{}' has no port: write HOST:51820", text);
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
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
    endpoint.address = *address;
  } else if (!std::all_of(host.begin(), host.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
             })) {
    return fail("'{}' is neither an address nor a host name", host);
  }
  return endpoint;
}

std::string beside(const std::filesystem::path& base, const std::string& file) {
  return (base / file).lexically_normal().string();
}

Peer read_peer(TableReader& reader, const std::filesystem::path& base) {
  Peer peer;
  if (const auto name = reader.required_text("name")) {
    peer.name = name->value;
    if (peer.name.empty() || peer.name.find('/') != std::string::npos) {
      reader.report(name->line,
                    "a peer's name is not empty and has no '/': it is used as "
                    "INTERFACE/NAME");
    }
  }
  if (const auto key = reader.required_text("public_key")) {
    if (const auto parsed =
            parse_at<std::array<std::uint8_t, 32>>(reader, "public_key", *key, parse_key)) {
      peer.public_key = *parsed;
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

WireGuard read_wireguard(TableReader& reader, const std::filesystem::path& base) {
  WireGuard result;
  if (const auto name = reader.required_text("name")) {
    if (!valid_interface_name(name->value)) {
      reader.report(name->line, fmt::format("'{}' is no interface name: at most 15 characters, no "
                                            "spaces, '/' or ':'",
                                            name->value));
    }
    result.name = name->value;
  }
  if (const auto port = reader.number("listen_port", 1, 65535)) {
    result.listen_port = static_cast<std::uint16_t>(port->value);
  }
  if (const auto file = reader.required_text("private_key_file")) {
    result.private_key_file = beside(base, file->value);
  }
  result.addresses = parse_all<InterfaceAddress>(reader, "addresses", parse_interface_address);
  if (const auto mtu = reader.number("mtu", 576, 9500)) {
    result.mtu = static_cast<std::uint16_t>(mtu->value);
  }
  if (const auto index = reader.choice("routes", {"allowed_ips", "all", "none"})) {
    result.routes = static_cast<RoutePolicy>(*index);
  }
  // Two workers need 128: half of it must cover workers times the burst of 32.
  if (const auto budget = reader.number("reorder_budget", 64, 65535)) {
    result.reorder_budget = static_cast<std::uint16_t>(budget->value);
  }
  reader.tables("peer", [&](TableReader& peer) { result.peers.push_back(read_peer(peer, base)); });
  return result;
}

}  // namespace gotthard::config
