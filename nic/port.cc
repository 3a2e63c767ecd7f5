#include "nic/port.h"

#include <rte_bus.h>
#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <bit>

#include "nic/memif.h"

namespace gotthard::nic {
namespace {

// What a NIC can hash so that the flows of a tunnel's peers, and inner flows, spread over workers.
constexpr std::uint64_t kHashedFields =
    RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_ESP;

bool software_spread(const std::string& driver) {
  // The kernel's packet fanout, and XDP's own queues.
  return driver == "net_af_packet" || driver == "net_af_xdp";
}

// What the device takes to be its largest MTU, by the rule with which DPDK checks it.
std::uint16_t largest_mtu(const rte_eth_dev_info& info) {
  const bool both_known = info.max_mtu != UINT16_MAX && info.max_rx_pktlen > info.max_mtu;
  const std::uint32_t overhead =
      both_known ? info.max_rx_pktlen - info.max_mtu : RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
  const std::uint32_t fits = info.max_rx_pktlen > overhead ? info.max_rx_pktlen - overhead : 0;
  return static_cast<std::uint16_t>(std::min<std::uint32_t>(fits, info.max_mtu));
}

// Devices on the command line of DPDK's start are there already, others are attached now.
bool attach(const Device& device, std::uint16_t* ethdev) {
  if (device.pci && rte_eth_dev_get_port_by_name(device.name.c_str(), ethdev) == 0) {
    return true;
  }
  remove_stale_socket(device);
  // Hotplug is told to secondary processes, of which there are none, in messages of 128 bytes: the
  // arguments of a memif are longer, and only a PCI address has to go that way.
  const int added = device.pci
                        ? rte_eal_hotplug_add("pci", device.name.c_str(), device.arguments.c_str())
                        : rte_vdev_init(device.name.c_str(), device.arguments.c_str());
  return added == 0 && rte_eth_dev_get_port_by_name(device.name.c_str(), ethdev) == 0;
}

std::string why_not_open(const Device& device) {
  if (device.pci) {
    return "is it bound to vfio-pci, and is the IOMMU on?";
  }
  return device.name.starts_with("net_memif")
             ? "are its arguments right, and is its socket (socket=FILE,socket-abstract=no) its "
               "own? The log lines of event=dpdk say more"
             : "is its kernel interface there and up, and are its arguments right? The log lines "
               "of event=dpdk say more";
}

// A server waits for its client; a client asks once.
std::string why_not_start(const std::string& driver) {
  return driver == "net_memif"
             ? "the other end of a memif client has to listen before: start it first, as server"
             : "raise dataplane.mbufs if its log line of event=dpdk speaks of buffers";
}

}  // namespace

std::uint16_t descriptors_for(std::uint32_t buffers, std::size_t ports, unsigned workers) {
  const std::size_t rings = std::max<std::size_t>(1, 2 * ports * workers);
  const std::size_t share = std::bit_floor(buffers / 2 / rings);
  return static_cast<std::uint16_t>(std::clamp<std::size_t>(share, 64, 1024));
}

Result<std::unique_ptr<Port>> Port::open(const PortOptions& options) {
  const Device& device = options.device;
  std::uint16_t ethdev = RTE_MAX_ETHPORTS;
  if (!attach(device, &ethdev)) {
    return fail("device '{}' ({}) does not open: {}", device.name, device.arguments,
                why_not_open(device));
  }
  std::unique_ptr<Port> port(new Port(ethdev));
  port->attached_ = true;
  port->name_ = device.name;
  if (const Status started = port->start(options); !started) {
    return tl::unexpected(started.error());
  }
  return port;
}

Result<std::unique_ptr<Port>> Port::adopt(std::uint16_t ethdev, const PortOptions& options) {
  std::unique_ptr<Port> port(new Port(ethdev));
  port->name_ = options.device.name;
  if (const Status started = port->start(options); !started) {
    return tl::unexpected(started.error());
  }
  return port;
}

Status Port::start(const PortOptions& options) {
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(ethdev_, &info) != 0) {
    return fail("port '{}' tells nothing of itself", name_);
  }
  driver_ = info.driver_name;
  socket_ = std::max(0, rte_eth_dev_socket_id(ethdev_));
  // A worker without a queue of its own is given work by those that have one.
  queues_ = std::min<unsigned>({options.workers, info.max_rx_queues, info.max_tx_queues});
  if (queues_ == 0) {
    return fail("port '{}' ({}) has no queue to receive from or none to send by", name_, driver_);
  }

  // These know no larger frames than 1514 bytes but carry what their rings' slots hold, whose size
  // parse_device() asks for; the kernel's device has been given the MTU by the supervisor.
  const bool carries_slots = driver_ == "net_af_packet" || driver_ == "net_memif";
  const std::uint16_t largest = largest_mtu(info);
  if (options.mtu > largest && !carries_slots) {
    return fail("port '{}' takes an MTU of at most {}: lower mtu = {}", name_, largest,
                options.mtu);
  }
  rte_eth_conf configuration{};
  configuration.rxmode.mtu = std::min(options.mtu, largest);
  const std::uint64_t hashed = info.flow_type_rss_offloads & kHashedFields;
  if (queues_ > 1 && hashed != 0) {
    configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    configuration.rx_adv_conf.rss_conf.rss_hf = hashed;
  }
  spreads_ = queues_ == 1 || hashed != 0 || software_spread(driver_);
  spreads_spis_ = queues_ == 1 || (hashed & RTE_ETH_RSS_ESP) != 0;
  if (rte_eth_dev_configure(ethdev_, static_cast<std::uint16_t>(queues_),
                            static_cast<std::uint16_t>(queues_), &configuration) != 0) {
    return fail("port '{}' refuses {} queues with an MTU of {}", name_, queues_, options.mtu);
  }
  std::uint16_t rx_descriptors = options.descriptors;
  std::uint16_t tx_descriptors = options.descriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(ethdev_, &rx_descriptors, &tx_descriptors);
  for (std::uint16_t queue = 0; queue < queues_; ++queue) {
    if (rte_eth_rx_queue_setup(ethdev_, queue, rx_descriptors, static_cast<unsigned>(socket_),
                               nullptr, options.pool) != 0 ||
        rte_eth_tx_queue_setup(ethdev_, queue, tx_descriptors, static_cast<unsigned>(socket_),
                               nullptr) != 0) {
      return fail("port '{}' refuses to set up queue {}", name_, queue);
    }
  }
  mtu_ = options.mtu;
  if (rte_eth_dev_start(ethdev_) != 0) {
    return fail("port '{}' does not start: {}", name_, why_not_start(driver_));
  }
  // Multicast is for the twin (neighbour discovery, routing protocols); the twin has the port's
  // MAC, so no promiscuous mode.
  rte_eth_allmulticast_enable(ethdev_);
  rte_ether_addr mac{};
  if (rte_eth_macaddr_get(ethdev_, &mac) != 0) {
    return fail("port '{}' has no Ethernet address", name_);
  }
  std::copy(std::begin(mac.addr_bytes), std::end(mac.addr_bytes), mac_.begin());
  return {};
}

Port::~Port() {
  rte_eth_dev_stop(ethdev_);
  rte_eth_dev_close(ethdev_);
  if (attached_) {
    if (name_.find(':') == std::string::npos) {
      rte_vdev_uninit(name_.c_str());
    } else {
      rte_eal_hotplug_remove("pci", name_.c_str());
    }
  }
}

bool Port::link_up() const {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(ethdev_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

PortStatistics Port::statistics() const {
  rte_eth_stats stats{};
  rte_eth_stats_get(ethdev_, &stats);
  return {.rx_packets = stats.ipackets,
          .rx_bytes = stats.ibytes,
          .tx_packets = stats.opackets,
          .tx_bytes = stats.obytes,
          .rx_missed = stats.imissed,
          .rx_errors = stats.ierrors,
          .tx_errors = stats.oerrors,
          .rx_no_mbuf = stats.rx_nombuf};
}

}  // namespace gotthard::nic
