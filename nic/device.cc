#include "nic/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <regex>

namespace gotthard::nic {
namespace {

bool has_key(const std::string& arguments, const std::string& key) {
  return ("," + arguments).find("," + key + "=") != std::string::npos;
}

void add_default(std::string* arguments, const std::string& key, unsigned value) {
  if (!has_key(*arguments, key)) {
    *arguments += fmt::format("{}{}={}", arguments->empty() ? "" : ",", key, value);
  }
}

// Blocks are whole pages for the kernel and whole frames for the driver, which takes frame i to be
// at i times the frame size.
void complete_af_packet(std::string* arguments, unsigned workers, std::uint16_t mtu) {
  constexpr unsigned kPage = 4096;
  constexpr unsigned kRingBytes = 4U << 20;  // a queue and direction
  const unsigned frame = ring_frame_bytes(mtu);
  const unsigned block = std::lcm(frame, kPage);
  add_default(arguments, "qpairs", workers);
  if (!has_key(*arguments, "framesz") && !has_key(*arguments, "blocksz")) {
    add_default(arguments, "blocksz", block);
    add_default(arguments, "framesz", frame);
    add_default(arguments, "framecnt", kRingBytes / block * (block / frame));
  }
}

Device pci_device(std::string address, std::string arguments) {
  std::transform(address.begin(), address.end(), address.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  const bool has_domain = std::count(address.begin(), address.end(), ':') == 2;
  return {.name = has_domain ? address : "0000:" + address,
          .arguments = std::move(arguments),
          .pci = true};
}

}  // namespace

std::uint32_t ring_frame_bytes(std::uint16_t mtu) {
  // tpacket2_hdr, sockaddr_ll and what the kernel pads so that the IP header is aligned.
  constexpr std::uint32_t kRingHeader = 66;
  constexpr std::uint32_t kEthernet = 18;
  constexpr std::uint32_t kUnit = 1024;  // keeps blocks at four frames or fewer
  const std::uint32_t frame = (mtu + kEthernet + kRingHeader + kUnit - 1) / kUnit * kUnit;
  return std::max(frame, 2 * kUnit);
}

Result<Device> parse_device(const std::string& text, unsigned workers, std::uint16_t mtu) {
  static const std::regex kPci("([0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7]");
  const auto comma = text.find(',');
  Device device{.name = text.substr(0, comma),
                .arguments = comma == std::string::npos ? "" : text.substr(comma + 1)};
  if (std::regex_match(device.name, kPci)) {
    return pci_device(device.name, device.arguments);
  }
  if (!device.name.starts_with("net_") && !device.name.starts_with("eth_")) {
    return fail(
        "'{}' is no device: write a PCI address such as 0000:3b:00.0, or a DPDK device such "
        "as net_af_packet0,iface=eth1",
        text);
  }
  const bool af_packet = device.name.starts_with("net_af_packet");
  const bool af_xdp = device.name.starts_with("net_af_xdp");
  if ((af_packet || af_xdp) && !has_key(device.arguments, "iface")) {
    return fail("'{}' does not say which kernel interface: write {},iface=eth1", text, device.name);
  }
  if (af_packet) {
    complete_af_packet(&device.arguments, workers, mtu);
  } else if (af_xdp) {
    add_default(&device.arguments, "queue_count", workers);
  } else if (device.name.starts_with("net_memif")) {
    add_default(&device.arguments, "bsize", ring_frame_bytes(mtu));
  }
  return device;
}

}  // namespace gotthard::nic
