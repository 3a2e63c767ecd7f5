// [[ipsec]], its connections and their children.
#include <algorithm>
#include <charconv>

#include "control/config/sections.h"

namespace gotthard::config {
namespace {

std::string beside(const std::filesystem::path& base, const std::string& file) {
  return (base / file).lexically_normal().string();
}

// Away from those that are allocated, and from those that RFC 4303 reserves.
Result<std::uint32_t> parse_spi(std::string_view text) {
  const bool hex = text.starts_with("0x");
  const std::string_view digits = hex ? text.substr(2) : text;
  std::uint32_t spi = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), spi, hex ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size() || spi < abi::kLowestSessionId ||
      spi > abi::kHighestConfiguredId) {
    return fail("'{}' is no SPI from \"0x100\" to \"0xffff\"", text);
  }
  return spi;
}

LabKeys read_lab_keys(TableReader& reader, const std::filesystem::path& base) {
  LabKeys keys;
  if (const auto suite = reader.required_text("suite")) {
    keys.suite = parse_at<EspSuite>(reader, "suite", *suite, parse_esp_suite).value_or(EspSuite{});
  }
  const auto spi = [&](const std::string& key) {
    const auto text = reader.required_text(key);
    return text ? parse_at<std::uint32_t>(reader, key, *text, parse_spi).value_or(0) : 0;
  };
  const auto file = [&](const std::string& key) {
    const auto text = reader.required_text(key);
    return text ? beside(base, text->value) : std::string();
  };
  keys.in_spi = spi("in_spi");
  keys.in_key_file = file("in_key_file");
  keys.out_spi = spi("out_spi");
  keys.out_key_file = file("out_key_file");
  keys.initiator = reader.flag("initiator").value_or(true);
  return keys;
}

std::string read_name(TableReader& reader) {
  const auto name = reader.required_text("name");
  if (!name) {
    return {};
  }
  if (!valid_peer_name(name->value)) {
    reader.report(name->line, fmt::format("'{}' is no name: write at most 63 characters without "
                                          "spaces and '/'",
                                          name->value));
  }
  return name->value;
}

Child read_child(TableReader& reader, const std::filesystem::path& base) {
  Child child;
  child.name = read_name(reader);
  child.local_ts = parse_all<TrafficSelector>(reader, "local_ts", parse_selector);
  child.remote_ts = parse_all<TrafficSelector>(reader, "remote_ts", parse_selector);
  child.transport = reader.choice("mode", {"tunnel", "transport"}) == 1;
  const auto limit = [&](const std::string& key, std::int64_t least) {
    const auto value = reader.number(key, least, INT64_MAX);
    return value ? static_cast<std::uint64_t>(value->value) : 0;
  };
  child.life = {.seconds = reader.seconds("life_time").value_or(0),
                .bytes = limit("life_bytes", 65536),
                .packets = limit("life_packets", 64)};
  const bool of_ike = read_ike_child(reader, &child);
  const auto read_keys = [&](TableReader& keys) {
    child.lab_keys.push_back(read_lab_keys(keys, base));
  };
  if (reader.is_array("lab_keys")) {
    reader.tables("lab_keys", read_keys);
  } else {
    reader.table("lab_keys", read_keys);
  }
  if (child.lab_keys.size() > abi::kMaxWorkers) {
    reader.report(reader.line_of("lab_keys"),
                  fmt::format("more lab_keys than the {} workers that there can be: each seals "
                              "with its own",
                              abi::kMaxWorkers));
  }
  if (of_ike && !child.lab_keys.empty()) {
    reader.report(reader.line_of("lab_keys"),
                  fmt::format("{} has lab_keys, which IKE does not make: leave out esp_proposals, "
                              "rekey_time and the actions",
                              reader.what()));
  }
  const auto& [local, remote] = std::tie(child.local_ts, child.remote_ts);
  if (local.empty() || remote.empty() || local.size() > abi::kMaxSelectors ||
      remote.size() > abi::kMaxSelectors) {
    reader.report(reader.line(),
                  fmt::format("{} has local_ts and remote_ts of 1 to {} selectors each: write "
                              "local_ts = [\"10.1.0.0/16\"]",
                              reader.what(), abi::kMaxSelectors));
  }
  return child;
}

std::optional<Address> read_address(TableReader& reader) {
  const auto text = reader.text("address");
  if (!text) {
    return std::nullopt;
  }
  const auto address = parse_at<Address>(reader, "address", *text, parse_address);
  if (address && !is_unicast(*address)) {
    reader.report(text->line, fmt::format("'{}' is no address of one host", text->value));
  }
  return address;
}

void read_remote_place(TableReader& reader, const Located<std::string>& text,
                       Connection* connection) {
  if (const auto address = parse_address(text.value)) {
    connection->remotes.push_back({.address = *address, .name = {}});
    if (!is_unicast(*address)) {
      reader.report(text.line, fmt::format("'{}' is no address of one host", text.value));
    }
    return;
  }
  connection->remotes.push_back({.address = {}, .name = text.value});
  if (!valid_host(text.value) || text.value == "any") {
    reader.report(text.line,
                  fmt::format("'{}' is no address and no host's name: write \"192.0.2.2\", "
                              "\"gw.example.net\" or a list of such, or \"any\" alone for a peer "
                              "that calls first",
                              text.value));
  }
}

// An address or a name, a list of them, or "any".
void read_remote(TableReader& reader, Connection* connection) {
  if (reader.is_array("address")) {
    const auto texts = reader.texts("address");
    for (const Located<std::string>& text : texts) {
      read_remote_place(reader, text, connection);
    }
    if (texts.empty()) {
      reader.report(reader.line_of("address"),
                    "an empty list of addresses: write \"any\" for a peer that calls first");
    }
  } else if (const auto text = reader.required_text("address"); text && text->value != "any") {
    read_remote_place(reader, *text, connection);
  }
  if (const auto port = reader.number("port", 1, 65535)) {
    connection->remote_port = static_cast<std::uint16_t>(port->value);
  }
}

void read_dscp(TableReader& reader, Connection* connection) {
  if (const auto dscp = reader.number("dscp", 0, 63)) {
    connection->dscp = static_cast<std::uint8_t>(dscp->value);
  }
}

Connection read_connection(TableReader& reader, const std::filesystem::path& base) {
  Connection connection;
  connection.name = read_name(reader);
  Ike ike;
  bool of_ike = false;
  reader.table("local", [&](TableReader& local) {
    connection.local = read_address(local);
    of_ike |= read_ike_local(local, base, &ike.local);
  });
  bool has_remote = false;
  reader.table("remote", [&](TableReader& remote) {
    has_remote = true;
    read_remote(remote, &connection);
    of_ike |= read_ike_remote(remote, base, &ike.remote);
  });
  if (!has_remote) {
    reader.report(reader.line(), fmt::format("{} has no remote: write remote = {{ address = "
                                             "\"192.0.2.2\" }}",
                                             reader.what()));
  }
  if (const auto how = reader.choice("encapsulation", {"auto", "udp", "none"})) {
    connection.encapsulation = static_cast<Encapsulation>(*how);
  }
  if (const auto budget = reader.number("reorder_budget", 1, 65535)) {
    connection.reorder_budget = static_cast<std::uint16_t>(budget->value);
  }
  connection.allow_legacy = reader.flag("allow_legacy").value_or(false);
  connection.lab = reader.flag("lab").value_or(false);
  of_ike |= read_ike(reader, &ike);
  if (connection.lab && of_ike) {
    reader.report(reader.line(), fmt::format("{} has lab = true, and no IKE then: leave out id, "
                                             "auth, proposals and what else IKE has",
                                             reader.what()));
  } else if (!connection.lab) {
    connection.ike = std::move(ike);
  }
  if (const auto df = reader.choice("dont_fragment", {"clear", "set", "copy"})) {
    connection.dont_fragment = static_cast<abi::DontFragment>(*df);
  }
  read_dscp(reader, &connection);
  if (const auto seconds = reader.number("keepalive", 0, 3600)) {
    connection.keepalive = static_cast<std::uint16_t>(seconds->value);
  }
  reader.tables(
      "child", [&](TableReader& child) { connection.children.push_back(read_child(child, base)); });
  return connection;
}

}  // namespace

Ipsec read_ipsec(TableReader& reader, const std::filesystem::path& base) {
  Ipsec result;
  result.name = read_interface_name(reader);
  result.addresses = parse_all<InterfaceAddress>(reader, "addresses", parse_own_address);
  result.mtu = kAutomaticMtu;
  if (reader.is_text("mtu")) {
    (void)reader.choice("mtu", {"auto"});
  } else if (const auto mtu = reader.number("mtu", 576, 9500)) {
    result.mtu = static_cast<std::uint16_t>(mtu->value);
  }
  if (const auto index = reader.choice("routes", {"remote_ts", "all", "none"})) {
    result.routes = static_cast<RoutePolicy>(*index);
  }
  if (const auto port = reader.number("udp_port", 1, 65535)) {
    result.udp_port = static_cast<std::uint16_t>(port->value);
  }
  result.copy_dscp = reader.choice("dscp", {"zero", "copy"}) == 1;
  result.mss_clamp = reader.flag("mss_clamp").value_or(false);
  result.fragment_after = reader.choice("fragment", {"before", "after"}) == 1;
  reader.tables("connection", [&](TableReader& connection) {
    result.connections.push_back(read_connection(connection, base));
  });
  return result;
}

}  // namespace gotthard::config
