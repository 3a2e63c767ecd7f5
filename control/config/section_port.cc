// [[port]] and [[route]].
#include <algorithm>
#include <regex>

#include "control/config/sections.h"

namespace gotthard::config {

std::string Port::kernel_device() const {
  if (!device.starts_with("net_af_packet") && !device.starts_with("net_af_xdp")) {
    return {};
  }
  const auto start = device.find(",iface=");
  if (start == std::string::npos) {
    return {};
  }
  const auto value = start + std::string_view(",iface=").size();
  return device.substr(value, device.find(',', value) - value);
}

namespace {

// Stricter than Linux, which would make a number of '%d': a name is also a field of the data
// plane's arguments, a directory in /proc/sys (beside `all` and `default`) and a word of operators'
// commands.
bool valid_interface_name(const std::string& name) {
  return !name.empty() && name.size() < abi::kNameSize && name.front() != '-' && name != "." &&
         name != ".." && name != "all" && name != "default" && name != "lo" &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

// "0000:3b:00.0" or "3b:00.0", with or without driver arguments.
bool is_pci(const std::string& device) {
  static const std::regex kPci("([0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7](,.*)?");
  return std::regex_match(device, kPci);
}

void check_device(TableReader& reader, const Located<std::string>& device, const Port& port) {
  const std::string& text = device.value;
  const bool printable =
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
  // The string is passed on among other fields, which ';' ends.
  if (!printable || text.find(';') != std::string::npos ||
      !(is_pci(text) || text.starts_with("net_") || text.starts_with("eth_"))) {
    reader.report(device.line,
                  fmt::format("device '{}' must be a PCI address such as 0000:3b:00.0 or a DPDK "
                              "device such as net_af_packet0,iface=eth1",
                              text));
  } else if (text.starts_with("net_af_") && port.kernel_device().empty()) {
    reader.report(device.line, fmt::format("device '{}' names no kernel interface: write "
                                           "{},iface=NAME",
                                           text, text));
  } else if (port.kernel_device() == port.name && !port.name.empty()) {
    reader.report(device.line,
                  fmt::format("the port and the kernel interface beneath it are both named '{}': "
                              "give the port another name, its kernel twin takes it",
                              port.name));
  }
}

}  // namespace

std::string read_interface_name(TableReader& reader) {
  const auto name = reader.required_text("name");
  if (!name) {
    return {};
  }
  if (!valid_interface_name(name->value)) {
    reader.report(name->line,
                  fmt::format("'{}' is no name for an interface: write at most {} letters, digits, "
                              "'.', '_' or '-'",
                              name->value, abi::kNameSize - 1));
  }
  return name->value;
}

Port read_port(TableReader& reader) {
  Port result;
  result.name = read_interface_name(reader);
  reader.required_text("role");
  if (const auto role = reader.choice("role", {"underlay", "inside"})) {
    result.role = static_cast<Role>(*role);
  }
  if (const auto device = reader.required_text("device")) {
    result.device = device->value;
    check_device(reader, *device, result);
  }
  result.addresses = parse_all<InterfaceAddress>(reader, "addresses", parse_own_address);
  result.allow_plain = parse_all<Prefix>(reader, "allow_plain", parse_prefix);
  if (const auto mtu = reader.number("mtu", 1280, 9600)) {
    result.mtu = static_cast<std::uint16_t>(mtu->value);
  }
  return result;
}

Route read_route(TableReader& reader) {
  Route result;
  if (const auto destination = reader.required_text("destination")) {
    if (const auto prefix = parse_at<Prefix>(reader, "destination", *destination, parse_prefix)) {
      result.destination = *prefix;
    }
  }
  const auto via = reader.text("via");
  const auto interface = reader.text("interface");
  if (via) {
    if (const auto address = parse_at<Address>(reader, "via", *via, parse_address)) {
      result.via = *address;
      if (address->family != result.destination.address.family) {
        reader.report(via->line, "'via' and 'destination' are of different IP versions");
      }
    }
  }
  if (interface) {
    result.interface = interface->value;
  }
  if (via.has_value() == interface.has_value()) {
    reader.report(reader.line(),
                  "[[route]] needs one of via = \"ADDRESS\" and interface = \"NAME\"");
  }
  return result;
}

}  // namespace gotthard::config
