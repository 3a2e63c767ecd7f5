#include "nic/device.h"

#include <fmt/format.h>

#include <bit>
#include <regex>

namespace gotthard::nic {
namespace {

bool has_key(const std::string& arguments, const std::string& key) {
  return ("," + arguments).find("," + key + "=") != std::string::npos;
}

void add_default(std::string* arguments, const std::string& key, unsigned value) {
  if (!has_key(*arguments, key)) {
    *arguments += fmt::format(",{}={}", key, value);
  }
}

// A frame takes the ring header (tpacket2_hdr and its sockaddr, 66 bytes in all) and must be a
// power of two for the kernel's ring; blocks hold whole frames.
void complete_af_packet(std::string* arguments, unsigned workers, std::uint16_t mtu) {
  constexpr unsigned kRingHeader = 66;
  constexpr unsigned kEthernet = 18;
  constexpr unsigned kRingBytes = 4U << 20;  // a queue and direction
  const unsigned frame = std::bit_ceil(mtu + kEthernet + kRingHeader);
  const unsigned block = frame < 4096 ? 4096 : frame;
  add_default(arguments, "qpairs", workers);
  if (!has_key(*arguments, "framesz") && !has_key(*arguments, "blocksz")) {
    add_default(arguments, "blocksz", block);
    add_default(arguments, "framesz", frame);
    add_default(arguments, "framecnt", kRingBytes / frame);
  }
}

}  // namespace

Result<Device> parse_device(const std::string& text, unsigned workers, std::uint16_t mtu) {
  static const std::regex kPci("([0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7]");
  if (std::regex_match(text, kPci)) {
    return Device{.name = text.size() == 7 ? "0000:" + text : text, .arguments = {}, .pci = true};
  }
  Device device;
  const auto comma = text.find(',');
  device.name = text.substr(0, comma);
  device.arguments = comma == std::string::npos ? "" : text.substr(comma + 1);
  if (!device.name.starts_with("net_") && !device.name.starts_with("eth_")) {
    return fail(
        "'{}' is no device: write a PCI address such as 0000:3b:00.0, or a DPDK device such "
        "as net_af_packet0,iface=eth1",
        text);
  }
  if (device.name.starts_with("net_af_packet")) {
    complete_af_packet(&device.arguments, workers, mtu);
  } else if (device.name.starts_with("net_af_xdp")) {
    add_default(&device.arguments, "queue_count", workers);
  }
  if (device.arguments.starts_with(",")) {
    device.arguments.erase(0, 1);
  }
  return device;
}

}  // namespace gotthard::nic
