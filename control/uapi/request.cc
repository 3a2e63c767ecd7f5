#include "control/uapi/request.h"

#include <sodium.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

namespace gotthard::uapi {
namespace {

using control::ChangeRefused;
using control::InterfaceChange;
using control::PeerChange;

struct Line {
  std::string_view key;
  std::string_view value;
};

bool to_key(std::string_view text, std::span<std::byte, 32> out) {
  std::size_t size = 0;
  const char* end = nullptr;
  return text.size() == 64 &&
         sodium_hex2bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                        text.size(), nullptr, &size, &end) == 0 &&
         size == out.size() && end == text.data() + text.size();
}

template <typename Number>
std::optional<Number> to_number(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x");
  text.remove_prefix(hexadecimal ? 2 : 0);
  Number number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, hexadecimal ? 16 : 10);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

std::optional<config::Endpoint> to_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  const auto port = to_number<std::uint16_t>(text.substr(colon + 1));
  const auto address = config::parse_address(host);
  if (!port || *port == 0 || !address) {
    return std::nullopt;
  }
  return config::Endpoint{.host = std::string(host), .port = *port, .address = *address};
}

// Host bits are dropped, as in Linux.
std::optional<config::Prefix> to_prefix(std::string_view text) {
  auto prefix = config::parse_interface_address(text);
  if (!prefix) {
    return std::nullopt;
  }
  const std::size_t size = prefix->address.family == abi::Family::ipv4 ? 4 : 16;
  for (std::size_t i = 0; i < size; ++i) {
    const unsigned kept =
        prefix->length > 8 * i ? std::min<unsigned>(prefix->length - 8 * i, 8) : 0;
    prefix->address.bytes[i] &= static_cast<std::uint8_t>(0xff00 >> kept);
  }
  return *prefix;
}

class Parser {
 public:
  explicit Parser(Author author) : author_(author) {}

  // Nothing: the line is as it should be.
  std::optional<ChangeRefused> take(const Line& line) {
    if (line.key == "public_key") {
      return begin_peer(line.value);
    }
    const auto good = change_.peers.empty() ? interface_line(line) : peer_line(line);
    if (!good) {
      return ChangeRefused{EPROTO,
                           fmt::format("'{}' is no key of a set request{}", line.key,
                                       change_.peers.empty() ? " before a public_key" : "")};
    }
    if (!*good) {
      return ChangeRefused{EINVAL, fmt::format("the value of {} is not valid", line.key)};
    }
    return std::nullopt;
  }
  InterfaceChange take_change() { return std::move(change_); }

 private:
  std::optional<ChangeRefused> begin_peer(std::string_view value) {
    PeerChange peer;
    if (!to_key(value, std::as_writable_bytes(std::span(peer.public_key)))) {
      return ChangeRefused{EINVAL, "the value of public_key is not valid"};
    }
    change_.peers.push_back(std::move(peer));
    return std::nullopt;
  }

  static bool take_secret(std::string_view value, std::optional<crypto::Secret<32>>* out) {
    return to_key(value, out->emplace().bytes());
  }
  template <typename Number>
  static bool take_number(std::string_view value, std::optional<Number>* out) {
    *out = to_number<Number>(value);
    return out->has_value();
  }
  static bool take_true(std::string_view value, bool* out) {
    *out = true;
    return value == "true";
  }

  // Nothing: no such key. False: no such value.
  std::optional<bool> interface_line(const Line& line) {
    if (line.key == "private_key") {
      return take_secret(line.value, &change_.private_key);
    }
    if (line.key == "listen_port") {
      return take_number(line.value, &change_.listen_port);
    }
    if (line.key == "fwmark") {
      if (line.value.empty()) {
        change_.fwmark = 0;
        return true;
      }
      return take_number(line.value, &change_.fwmark);
    }
    if (line.key == "replace_peers") {
      return take_true(line.value, &change_.replace_peers);
    }
    return std::nullopt;
  }

  std::optional<bool> peer_line(const Line& line) {
    PeerChange& peer = change_.peers.back();
    if (line.key == "allowed_ip") {
      return take_allowed_ip(line.value, &peer);
    }
    if (line.key == "preshared_key") {
      return take_secret(line.value, &peer.preshared_key);
    }
    if (line.key == "endpoint") {
      return take_endpoint(line.value, &peer);
    }
    if (line.key == "persistent_keepalive_interval") {
      return take_number(line.value, &peer.persistent_keepalive);
    }
    if (line.key == "replace_allowed_ips") {
      return take_true(line.value, &peer.replace_allowed_ips);
    }
    if (line.key == "remove") {
      return take_true(line.value, &peer.remove);
    }
    if (line.key == "update_only") {
      return take_true(line.value, &peer.update_only);
    }
    if (line.key == "name" && author_ == Author::checkpoint) {
      peer.name = std::string(line.value);
      return config::valid_peer_name(*peer.name);
    }
    if (line.key == "protocol_version") {
      return line.value == "1";
    }
    return std::nullopt;
  }

  bool take_endpoint(std::string_view value, PeerChange* peer) const {
    peer->endpoint = to_endpoint(value);
    if (const auto by_name = config::parse_endpoint(value);
        !peer->endpoint && author_ == Author::checkpoint && by_name) {
      peer->endpoint = *by_name;
    }
    return peer->endpoint.has_value();
  }

  static bool take_allowed_ip(std::string_view value, PeerChange* peer) {
    const bool removed = value.starts_with('-');
    const auto prefix = to_prefix(value.substr(removed ? 1 : 0));
    if (prefix) {
      (removed ? peer->removed_allowed_ips : peer->allowed_ips).push_back(*prefix);
    }
    return prefix.has_value();
  }

  Author author_;
  InterfaceChange change_;
};

}  // namespace

tl::expected<Request, ChangeRefused> parse(std::string_view text, Author author) {
  std::optional<Parser> set;
  for (bool first = true; !text.empty(); first = false) {
    const auto newline = text.find('\n');
    const std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    if (first && line == "get=1" && text.empty()) {
      return Get{};
    }
    if (first && line == "set=1") {
      set.emplace(author);
      continue;
    }
    const auto equals = line.find('=');
    if (!set || equals == std::string_view::npos) {
      return tl::unexpected(
          ChangeRefused{EPROTO, "a request begins with get=1 or set=1, key=value lines follow"});
    }
    if (auto why = set->take({line.substr(0, equals), line.substr(equals + 1)})) {
      return tl::unexpected(std::move(*why));
    }
  }
  if (!set) {
    return tl::unexpected(ChangeRefused{EPROTO, "the request is empty"});
  }
  return set->take_change();
}

}  // namespace gotthard::uapi
