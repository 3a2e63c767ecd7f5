#include "tools/cli/wg_quick.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "control/config/config.h"

namespace gotthard::cli {
namespace {

struct PeerSection {
  std::size_t line = 0;
  std::string public_key, endpoint, keepalive;
  crypto::SecretString preshared_key;
  std::vector<config::Prefix> allowed_ips;
};

struct File {
  crypto::SecretString private_key;
  std::string listen_port, mtu, fwmark, table;
  std::vector<std::string> addresses;
  std::vector<PeerSection> peers;
};

std::string_view trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && space(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && space(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t most) {
  const bool hexadecimal = text.starts_with("0x");
  text.remove_prefix(hexadecimal ? 2 : 0);
  std::uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, hexadecimal ? 16 : 10);
  const bool good = error == std::errc() && end == text.data() + text.size() && value <= most;
  return good ? std::optional(value) : std::nullopt;
}

class Reader {
 public:
  Result<File> read(std::string_view text) {
    for (std::size_t line = 1; !text.empty(); ++line) {
      const auto newline = text.find('\n');
      std::string_view whole = text.substr(0, newline);
      text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
      line_ = line;
      if (const Status taken = take(trim(whole.substr(0, whole.find('#')))); !taken) {
        return fail("line {}: {}", line_, taken.error().message);
      }
    }
    if (file_.private_key.empty()) {
      return fail("there is no PrivateKey in an [Interface] section: is it a wg-quick file?");
    }
    note_what_is_not_said();
    return std::move(file_);
  }
  std::vector<std::string> warnings() { return std::move(warnings_); }

 private:
  enum class Section { none, interface, peer };

  Status take(std::string_view line) {
    if (line.empty()) {
      return {};
    }
    if (line.front() == '[') {
      return begin(lower(line));
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || section_ == Section::none) {
      return fail("neither a section nor 'Key = value' within one");
    }
    const std::string key = lower(trim(line.substr(0, equals)));
    const std::string_view value = trim(line.substr(equals + 1));
    return section_ == Section::interface ? interface_key(key, value) : peer_key(key, value);
  }

  Status begin(const std::string& name) {
    if (name == "[interface]") {
      section_ = Section::interface;
    } else if (name == "[peer]") {
      section_ = Section::peer;
      file_.peers.push_back({.line = line_});
    } else {
      return fail("there is no section {}: [Interface] and [Peer] are", name);
    }
    return {};
  }

  Status interface_key(const std::string& key, std::string_view value) {
    if (key == "privatekey") {
      return take_key(value, &file_.private_key);
    }
    if (key == "listenport" || key == "mtu") {
      const auto parsed = number(value, 65535);
      if (!parsed) {
        return fail("'{}' is no number up to 65535", value);
      }
      (key == "mtu" ? file_.mtu : file_.listen_port) = fmt::to_string(*parsed);
    } else if (key == "fwmark") {
      const auto parsed = value == "off" ? std::optional(0U) : number(value, 0xffffffff);
      if (!parsed) {
        return fail("'{}' is neither a number nor off", value);
      }
      file_.fwmark = fmt::to_string(*parsed);
      if (*parsed != 0) {
        note("FwMark",
             "it is carried over, and says by which `ip rule ... fwmark` rules the outer packets "
             "are "
             "routed; netfilter does not see them, so its rules for that mark have no effect");
      }
    } else if (key == "address") {
      return each(value, [this](std::string_view one) { return take_address(one); });
    } else if (key == "table") {
      file_.table = lower(value);
      if (file_.table == "off") {
        note("Table", fmt::format("no routes are made, but {}", kBlackholes));
      } else if (file_.table != "auto") {
        warn("Table", fmt::format("routes are made in the main table or, as here now, nowhere: add "
                                  "them to table {} where the gateway is started from; {}",
                                  value, kBlackholes));
      }
    } else if (key == "dns") {
      warn("DNS", "a gateway does not change its host's resolver");
    } else if (const auto hook = kHooks.find(key); hook != kHooks.end()) {
      warn(hook->second, "commands are not run: put them where the gateway is started from");
    } else if (key == "saveconfig") {
      warn("SaveConfig", "the configuration file is written by nobody but you");
    } else {
      return fail("[Interface] has no key '{}'", key);
    }
    return {};
  }

  Status peer_key(const std::string& key, std::string_view value) {
    PeerSection& peer = file_.peers.back();
    if (key == "publickey") {
      const auto parsed = config::parse_key(value);
      peer.public_key = value;
      return parsed ? Status() : tl::unexpected(parsed.error());
    }
    if (key == "presharedkey") {
      return take_key(value, &peer.preshared_key);
    }
    if (key == "allowedips") {
      return each(value, [&](std::string_view one) { return take_allowed_ip(one, &peer); });
    }
    if (key == "endpoint") {
      peer.endpoint = value;
    } else if (key == "persistentkeepalive") {
      const auto parsed = value == "off" ? std::optional(0U) : number(value, 65535);
      if (!parsed) {
        return fail("'{}' is neither a number of seconds up to 65535 nor off", value);
      }
      peer.keepalive = fmt::to_string(*parsed);
    } else {
      return fail("[Peer] has no key '{}'", key);
    }
    return {};
  }

  template <typename Take>
  static Status each(std::string_view list, Take&& take) {
    while (!list.empty()) {
      const auto comma = list.find(',');
      const std::string_view one = trim(list.substr(0, comma));
      list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
      if (const Status taken = one.empty() ? Status() : take(one); !taken) {
        return taken;
      }
    }
    return {};
  }

  Status take_key(std::string_view value, crypto::SecretString* out) {
    if (const auto parsed = config::parse_key(value); !parsed) {
      // Not by the parser's words: they show what they are about.
      return fail("this is no key: 32 bytes in base64 are");
    }
    out->assign(value);
    return {};
  }

  static std::string with_length(std::string_view address) {
    if (address.find('/') != std::string_view::npos) {
      return std::string(address);
    }
    return fmt::format("{}/{}", address, address.find(':') == std::string_view::npos ? 32 : 128);
  }

  Status take_address(std::string_view text) {
    const auto parsed = config::parse_interface_address(with_length(text));
    if (!parsed) {
      return tl::unexpected(parsed.error());
    }
    file_.addresses.push_back(with_length(text));
    return {};
  }

  // Host bits are dropped, as wg does it.
  Status take_allowed_ip(std::string_view text, PeerSection* peer) {
    auto prefix = config::parse_interface_address(with_length(text));
    if (!prefix) {
      return tl::unexpected(prefix.error());
    }
    for (std::size_t i = 0; i < prefix->address.bytes.size(); ++i) {
      const unsigned kept =
          prefix->length > 8 * i ? std::min<unsigned>(prefix->length - 8 * i, 8) : 0;
      prefix->address.bytes[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
    }
    if (prefix->length == 0) {
      default_route_line_ = line_;
    }
    // With wg the last peer that names a prefix has it.
    for (PeerSection& other : file_.peers) {
      if (std::erase(other.allowed_ips, *prefix) > 0 && &other != peer) {
        warn("AllowedIPs",
             fmt::format("{} is also the peer's of line {}, which has lost it to this "
                         "one, as with wg",
                         config::to_string(*prefix), other.line));
      }
    }
    peer->allowed_ips.push_back(*prefix);
    return {};
  }

  // What only the whole file shows.
  void note_what_is_not_said() {
    if (file_.listen_port.empty() || file_.listen_port == "0") {
      warnings_.emplace_back(
          "ListenPort is not given: wg would choose any port, here it is 51820; write listen_port "
          "if that is another tunnel's");
    }
    if (default_route_line_ != 0 && (file_.table.empty() || file_.table == "auto")) {
      line_ = default_route_line_;
      note(
          "AllowedIPs",
          "the default route into the tunnel counts only where the host has no other one, while "
          "wg-quick puts it before the host's: to do that, write 0.0.0.0/1 and 128.0.0.0/1 (::/1 "
          "and "
          "8000::/1) in place of 0.0.0.0/0 (::/0), or a [[route]] to it with interface for what is "
          "forwarded alone");
    }
  }

  void warn(std::string_view key, std::string_view why) {
    warnings_.push_back(fmt::format("line {}: {} is not carried over: {}", line_, key, why));
  }
  void note(std::string_view key, std::string_view what) {
    warnings_.push_back(fmt::format("line {}: {}: {}", line_, key, what));
  }

  static constexpr std::string_view kBlackholes =
      "the host's own packets to the peers' AllowedIPs do not leave by another route: blackholes "
      "stand there";
  inline static const std::map<std::string_view, std::string_view> kHooks = {
      {"preup", "PreUp"}, {"postup", "PostUp"}, {"predown", "PreDown"}, {"postdown", "PostDown"}};

  File file_;
  Section section_ = Section::none;
  std::size_t line_ = 0;
  std::size_t default_route_line_ = 0;
  std::vector<std::string> warnings_;
};

// Base64 and addresses need no escapes; host names are checked by whoever reads the result.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
    }
    result += static_cast<unsigned char>(c) < ' ' ? '?' : c;
  }
  return result + "\"";
}

template <typename Range>
std::string list(const Range& values) {
  std::vector<std::string> texts;
  for (const auto& value : values) {
    texts.push_back(quoted(value));
  }
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

std::string peer_name(const std::string& public_key) {
  std::string name = public_key.substr(0, 10);
  std::ranges::replace(name, '/', '_');
  return name;
}

bool has_default_route(const File& file) {
  return std::ranges::any_of(file.peers, [](const PeerSection& peer) {
    return std::ranges::any_of(peer.allowed_ips,
                               [](const config::Prefix& prefix) { return prefix.length == 0; });
  });
}

std::string interface_toml(const File& file, const std::string& name) {
  std::string toml = fmt::format(
      "# Imported from wg-quick. Add the [[port]] sections: which devices are the underlay, which "
      "the inside.\n[[wireguard]]\nname = {}\nprivate_key_file = {}\n",
      quoted(name), quoted(name + ".key"));
  for (const auto& [key, value] : {std::pair{"listen_port", file.listen_port},
                                   std::pair{"mtu", file.mtu}, std::pair{"fwmark", file.fwmark}}) {
    if (!value.empty() && value != "0") {
      toml += fmt::format("{} = {}\n", key, value);
    }
  }
  if (!file.addresses.empty()) {
    toml += fmt::format("addresses = {}\n", list(file.addresses));
  }
  const bool elsewhere = !file.table.empty() && file.table != "auto";
  if (elsewhere || has_default_route(file)) {
    toml += fmt::format("routes = {}\n", quoted(elsewhere ? "none" : "all"));
  }
  return toml;
}

std::string peer_toml(const PeerSection& peer, const std::string& preshared_key_file) {
  std::vector<std::string> prefixes;
  for (const config::Prefix& prefix : peer.allowed_ips) {
    prefixes.push_back(config::to_string(prefix));
  }
  std::string toml = fmt::format("[[wireguard.peer]]\nname = {}\npublic_key = {}\n",
                                 quoted(peer_name(peer.public_key)), quoted(peer.public_key));
  if (!preshared_key_file.empty()) {
    toml += fmt::format("preshared_key_file = {}\n", quoted(preshared_key_file));
  }
  if (!peer.endpoint.empty()) {
    toml += fmt::format("endpoint = {}\n", quoted(peer.endpoint));
  }
  toml += fmt::format("allowed_ips = {}\n", list(prefixes));
  if (!peer.keepalive.empty() && peer.keepalive != "0") {
    toml += fmt::format("persistent_keepalive = {}\n", peer.keepalive);
  }
  return toml;
}

// What wg takes and ours does not: an interface's name, a host's.
Status is_ours(const std::string& toml, const std::string& name) {
  const std::string port =
      fmt::format("[[port]]\nname = {}\nrole = \"underlay\"\ndevice = \"net_null0\"\n",
                  quoted(name == "wan" ? "wan0" : "wan"));
  const auto config = config::parse(toml + port, name + ".toml");
  return config ? Status() : tl::unexpected(config.error());
}

}  // namespace

Result<Imported> import_wg_quick(std::string_view text, const std::string& name) {
  Reader reader;
  auto file = reader.read(text);
  if (!file) {
    return tl::unexpected(file.error());
  }
  Imported result{.toml = interface_toml(*file, name), .keys = {}, .warnings = reader.warnings()};
  result.keys.push_back({name + ".key", file->private_key + "\n"});
  for (const PeerSection& peer : file->peers) {
    if (peer.public_key.empty()) {
      return fail("line {}: this [Peer] has no PublicKey", peer.line);
    }
    std::string key_file;
    if (!peer.preshared_key.empty()) {
      key_file = fmt::format("{}-{}.psk", name, peer_name(peer.public_key));
      result.keys.push_back({key_file, peer.preshared_key + "\n"});
    }
    result.toml += peer_toml(peer, key_file);
  }
  if (const Status checked = is_ours(result.toml, name); !checked) {
    return fail("this cannot be carried over as it is: {}", checked.error().message);
  }
  return result;
}

}  // namespace gotthard::cli
