// [[port]] and [[route]].
#include <algorithm>

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

bool valid_interface_name(const std::string& name) {
  return !name.empty() && name.size() < abi::kNameSize && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return c > ' ' && c < 0x7f && c != '/' && c != ':'; });
}

Port read_port(TableReader& reader) {
  Port result;
  if (const auto name = reader.required_text("name")) {
    if (!valid_interface_name(name->value)) {
      reader.report(name->line, fmt::format("'{}' is no interface name: at most 15 characters, no "
                                            "spaces, '/' or ':'",
                                            name->value));
    }
    result.name = name->value;
  }
  reader.required_text("role");
  if (const auto role = reader.choice("role", {"underlay", "inside"})) {
    result.role = static_cast<Role>(*role);
  }
  if (const auto device = reader.required_text("device")) {
    result.device = device->value;
    const bool needs_interface = result.device.starts_with("net_af_");
    // The string is passed on among other fields.
    if (result.device.empty() || result.device.find(';') != std::string::npos) {
      reader.report(device->line,
                    "'device' must be a PCI address such as 0000:3b:00.0 or a DPDK "
                    "device such as net_af_packet0,iface=eth1");
    } else if (needs_interface && result.kernel_device().empty()) {
      reader.report(device->line, fmt::format("device '{}' names no kernel interface: write "
                                              "{},iface=NAME",
                                              result.device, result.device));
    } else if (result.kernel_device() == result.name && !result.name.empty()) {
      reader.report(device->line,
                    fmt::format("the port and the kernel interface beneath it are both named '{}': "
                                "give the port another name, its kernel twin takes it",
                                result.name));
    }
  }
  result.addresses = parse_all<InterfaceAddress>(reader, "addresses", parse_interface_address);
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
