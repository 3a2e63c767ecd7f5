// The file, section by section.
#include "perf/line_rate/settings.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "control/config/sections.h"
#include "control/config/source.h"
#include "nic/device.h"

namespace gotthard::perf::line_rate {
namespace {

using config::TableReader;

Result<abi::Address> parse_host(std::string_view text) {
  auto address = config::parse_address(text);
  if (address && !config::is_unicast(*address)) {
    return fail("'{}' is no address of one host", text);
  }
  return address;
}

void read_next_hop(TableReader& reader, PortSettings* port) {
  if (const auto text = reader.text("gateway")) {
    if (const auto address = config::parse_at<abi::Address>(reader, "gateway", *text, parse_host)) {
      port->gateway = *address;
      const bool can_ask =
          std::any_of(port->addresses.begin(), port->addresses.end(),
                      [&](const abi::Address& own) { return own.family == address->family; });
      if (!can_ask) {
        reader.report(text->line, fmt::format("port '{}' has no address to ask for {} as: write "
                                              "addresses = [\"...\"] of the same IP version",
                                              port->name, text->value));
      }
    }
  }
  if (const auto text = reader.text("gateway_mac")) {
    port->gateway_mac = config::parse_at<wire::Mac>(reader, "gateway_mac", *text, parse_mac);
  }
  if (!reader.has("gateway") && !reader.has("gateway_mac")) {
    reader.report(reader.line(),
                  fmt::format("port '{}' does not say where its frames go: write gateway = "
                              "\"ADDRESS\" of the device, or gateway_mac = \"02:00:00:00:00:01\"",
                              port->name));
  }
}

PortSettings read_test_port(TableReader& reader) {
  PortSettings result;
  if (const auto name = reader.required_text("name")) {
    result.name = name->value;
  }
  if (const auto mtu = reader.number("mtu", 576, 9600)) {
    result.mtu = static_cast<std::uint16_t>(mtu->value);
  }
  if (const auto device = reader.required_text("device")) {
    result.device = device->value;
    if (const auto parsed = nic::parse_device(device->value, 1, result.mtu); !parsed) {
      reader.report(device->line, parsed.error().message);
    }
  }
  if (const auto mac = reader.text("mac")) {
    result.mac = config::parse_at<wire::Mac>(reader, "mac", *mac, parse_mac);
  }
  result.addresses = config::parse_all<abi::Address>(reader, "addresses", parse_host);
  read_next_hop(reader, &result);
  return result;
}

// A bare address is a tunnel of that one.
Result<config::InterfaceAddress> parse_inner(std::string_view text) {
  if (text.find('/') != std::string_view::npos) {
    return config::parse_own_address(text);
  }
  const auto address = parse_host(text);
  if (!address) {
    return tl::unexpected(address.error());
  }
  const bool v4 = address->family == abi::Family::ipv4;
  return config::InterfaceAddress{.address = *address,
                                  .length = static_cast<std::uint8_t>(v4 ? 32 : 128)};
}

std::string read_port_name(TableReader& reader, const std::string& key,
                           const std::vector<PortSettings>& ports) {
  const auto name = reader.required_text(key);
  if (!name) {
    return {};
  }
  if (std::none_of(ports.begin(), ports.end(),
                   [&](const PortSettings& port) { return port.name == name->value; })) {
    reader.report(name->line, fmt::format("'{}' in {} names no port: there is no [[port]] with "
                                          "name = \"{}\"",
                                          key, reader.what(), name->value));
  }
  return name->value;
}

config::InterfaceAddress read_inner(TableReader& reader, const std::string& key) {
  const auto text = reader.required_text(key);
  const auto parsed =
      text ? config::parse_at<config::InterfaceAddress>(reader, key, *text, parse_inner)
           : std::nullopt;
  return parsed.value_or(config::InterfaceAddress{});
}

FlowSettings read_flow(TableReader& reader, const std::vector<PortSettings>& ports) {
  FlowSettings result;
  result.from = read_port_name(reader, "from", ports);
  result.to = read_port_name(reader, "to", ports);
  result.source = read_inner(reader, "source");
  result.destination = read_inner(reader, "destination");
  if (const auto tunnels = reader.number("tunnels", 1, kMostFlows)) {
    result.tunnels = static_cast<unsigned>(tunnels->value);
  }
  if (const auto count = reader.number("count", 1, 16384)) {
    result.count = static_cast<unsigned>(count->value);
  }
  result.same_source = reader.flag("same_source").value_or(false);
  const abi::Family from = result.source.address.family;
  const abi::Family to = result.destination.address.family;
  if (from != abi::Family::none && to != abi::Family::none && from != to) {
    reader.report(reader.line_of("destination"),
                  "'source' and 'destination' are of different IP versions");
  }
  return result;
}

void read_sizes(TableReader& reader, TrialSettings* trial) {
  for (const auto& word : reader.words("sizes")) {
    if (const auto size = config::parse_at<FrameSize>(reader, "sizes", word, parse_size)) {
      trial->sizes.push_back(*size);
    }
  }
  if (reader.has("sizes") && trial->sizes.empty()) {
    reader.report(reader.line_of("sizes"), "'sizes' is empty: name one or leave it out");
  }
}

TrialSettings read_trial(TableReader& reader) {
  TrialSettings result;
  const auto real = [&](const char* key, double least, double most, double* value) {
    if (const auto given = reader.real(key, least, most)) {
      *value = given->value;
    }
  };
  real("seconds", kLeastSeconds, kMostSeconds, &result.seconds);
  real("first_seconds", kLeastSeconds, kMostSeconds, &result.first_seconds);
  real("precision", kLeastPrecision, kMostPrecision, &result.precision);
  real("patience", 0, kMostSeconds, &result.patience);
  real("wait", 0.001, 10, &result.wait);
  real("min_rate", 1, kMostRate, &result.min_rate);
  if (const auto rate = reader.real("max_rate", 1, kMostRate)) {
    result.max_rate = rate->value;
  }
  if (const auto repeat = reader.number("repeat", 1, 99)) {
    result.repeat = static_cast<unsigned>(repeat->value);
  }
  if (const auto trials = reader.number("most_trials", 1, 10000)) {
    result.most_trials = static_cast<unsigned>(trials->value);
  }
  if (const auto index =
          reader.choice("directions", {std::begin(kDirectionNames), std::end(kDirectionNames)})) {
    result.directions = static_cast<Directions>(*index);
  }
  if (reader.has("loss_ratios")) {
    result.loss_ratios.clear();
    for (const auto& ratio : reader.reals("loss_ratios", 0, 0.5)) {
      result.loss_ratios.push_back(ratio.value);
    }
  }
  read_sizes(reader, &result);
  return result;
}

Settings read_root(const toml::table& root, config::ReadContext* context) {
  Settings result;
  TableReader reader(root, "the file", context);
  std::set<std::string> names;
  std::set<std::string> devices;
  reader.table("generator", [&](TableReader& t) { result.generator = config::read_placement(t); });
  reader.tables("port", [&](TableReader& t) {
    PortSettings port = read_test_port(t);
    if (!names.insert(port.name).second) {
      t.report(t.line_of("name"), fmt::format("two ports are named '{}'", port.name));
    }
    const std::string device = port.device.substr(0, port.device.find(','));
    if (!devices.insert(device).second) {
      t.report(t.line_of("device"), fmt::format("device '{}' belongs to another port already: each "
                                                "port has its own (net_memif0, net_memif1 ...)",
                                                device));
    }
    result.ports.push_back(std::move(port));
  });
  reader.tables("flow",
                [&](TableReader& t) { result.flows.push_back(read_flow(t, result.ports)); });
  reader.table("trial", [&](TableReader& t) { result.trial = read_trial(t); });
  reader.finish();
  if (result.flows.empty()) {
    context->report(0,
                    "there is nothing to send: write a [[port]] for each end and a [[flow]] "
                    "from one to the other");
  }
  return result;
}

}  // namespace

Result<FrameSize> parse_size(std::string_view text) {
  if (text == "imix") {
    return FrameSize();
  }
  std::uint32_t bytes = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || bytes > kGreatestFrame) {
      bytes = 0;
      break;
    }
    bytes = bytes * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (bytes < kLeastFrame || bytes > kGreatestFrame) {
    return fail(
        "'{}' is no size of a frame: write {} to {} (with Ethernet header and frame check "
        "sequence), or \"imix\"",
        text, kLeastFrame, kGreatestFrame);
  }
  return FrameSize(bytes);
}

Result<wire::Mac> parse_mac(std::string_view text) {
  const std::string terminated(text);
  wire::Mac mac{};
  int end = 0;
  const int found = std::sscanf(terminated.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n",
                                &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5], &end);
  constexpr std::size_t kText = 17;
  if (found != 6 || text.size() != kText || static_cast<std::size_t>(end) != kText ||
      wire::is_group(mac)) {
    return fail("'{}' is no Ethernet address of one host: write it like 02:00:00:00:00:01", text);
  }
  return mac;
}

std::string to_string(const wire::Mac& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                     mac[4], mac[5]);
}

Result<Settings> parse_settings(std::string_view text, const std::string& path) {
  const auto root = config::parse_source(text, path);
  if (!root) {
    return tl::unexpected(root.error());
  }
  config::ReadContext context{.path = path, .error = std::nullopt};
  Settings settings = read_root(*root, &context);
  if (context.error) {
    return tl::unexpected(*context.error);
  }
  return settings;
}

Result<Settings> load_settings(const std::string& path) {
  const auto text = config::read_source(path);
  return text ? parse_settings(*text, path) : tl::unexpected(text.error());
}

}  // namespace gotthard::perf::line_rate
