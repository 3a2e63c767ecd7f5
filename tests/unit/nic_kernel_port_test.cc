// A port on a kernel device, in a network namespace that goes with its process.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "nic/capabilities.h"
#include "nic/cores.h"
#include "nic/eal.h"
#include "nic/pool.h"
#include "nic/port.h"
#include "tests/unit/in_child.h"

namespace gotthard::nic {
namespace {

constexpr std::uint16_t kProtocol = 0x88b5;  // IEEE 802, for experiments

bool run(const std::string& command) { return std::system(command.c_str()) == 0; }

bool make_veth(unsigned mtu) {
  // Nothing of the kernel's own on the wire.
  std::ofstream("/proc/sys/net/ipv6/conf/all/disable_ipv6") << 1;
  std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << 1;
  const std::string size = std::to_string(mtu);
  return run("ip link add ours mtu " + size + " type veth peer name theirs mtu " + size) &&
         run("ip link set ours up allmulticast on && ip link set theirs up");
}

// A host at the other end of the wire.
class Peer {
 public:
  Peer() : socket_(::socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL))) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex("theirs"));
    if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      socket_.reset();
    }
    const timeval patience{.tv_sec = 2, .tv_usec = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  [[nodiscard]] bool ready() const { return static_cast<bool>(socket_); }
  bool send(std::span<const std::uint8_t> frame) const {
    return ::send(socket_.get(), frame.data(), frame.size(), 0) ==
           static_cast<ssize_t>(frame.size());
  }
  // The next frame that came in by the wire.
  [[nodiscard]] std::vector<std::uint8_t> receive() const {
    std::vector<std::uint8_t> frame(65536);
    for (;;) {
      sockaddr_ll from{};
      socklen_t length = sizeof(from);
      const ssize_t size = recvfrom(socket_.get(), frame.data(), frame.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &length);
      if (size >= 0 && from.sll_pkttype == PACKET_OUTGOING) {
        continue;
      }
      frame.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
      return frame;
    }
  }

 private:
  UniqueFd socket_;
};

std::vector<std::uint8_t> frame_of(std::size_t payload, std::uint8_t seed) {
  std::vector<std::uint8_t> frame(14 + payload);
  for (std::size_t i = 0; i < frame.size(); ++i) {
    frame[i] = static_cast<std::uint8_t>(seed + i * 7);
  }
  frame[0] = 0x33;  // multicast: no address of the veth is in the way
  frame[12] = kProtocol >> 8;
  frame[13] = kProtocol & 0xff;
  return frame;
}

std::vector<std::uint8_t> bytes_of(const rte_mbuf* mbuf) {
  const auto* data = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
  return {data, data + rte_pktmbuf_data_len(mbuf)};
}

// Polls all queues for two seconds or until a frame comes; says by which queue.
rte_mbuf* receive(const Port& port, unsigned* queue) {
  const std::uint64_t end = rte_get_tsc_cycles() + 2 * rte_get_tsc_hz();
  while (rte_get_tsc_cycles() < end) {
    for (*queue = 0; *queue < port.queues(); ++*queue) {
      rte_mbuf* mbuf = nullptr;
      if (rte_eth_rx_burst(port.ethdev(), static_cast<std::uint16_t>(*queue), &mbuf, 1) == 1) {
        return mbuf;
      }
    }
  }
  return nullptr;
}

struct Wire {
  rte_mempool* pool = nullptr;
  std::unique_ptr<Port> port;
};

bool open_wire(Complaints& complaints, unsigned workers, std::uint16_t mtu, Wire* wire,
               const std::string& name = "net_af_packet0") {
  const auto cpus = available_cpus();
  EalOptions options{.prefix = "gotthard-test-" + std::to_string(getpid()),
                     .megabytes = 128,
                     .manager_cpus = {cpus->front().id}};
  for (unsigned i = 0; i < workers; ++i) {
    options.worker_cpus.push_back((*cpus)[i % cpus->size()].id);
  }
  complaints.expect(unshare(CLONE_NEWNET) == 0 && make_veth(mtu), "veth");
  if (!complaints.expect_ok(start_eal(options), "EAL")) {
    return false;
  }
  auto pool = create_pool("packets", 4096, mtu, worker_socket(0));
  auto device = parse_device(name + ",iface=ours", workers, mtu);
  if (!complaints.expect_ok(pool, "pool") || !complaints.expect_ok(device, "device")) {
    return false;
  }
  auto port = Port::open({.device = *device, .workers = workers, .mtu = mtu, .pool = *pool});
  if (!complaints.expect_ok(port, "port")) {
    return false;
  }
  wire->pool = *pool;
  wire->port = std::move(*port);
  return true;
}

void exchange(Complaints& complaints, const Wire& wire, const Peer& peer, std::size_t payload,
              const std::string& when) {
  const auto inbound = frame_of(payload, 1);
  const std::string what = when + ", " + std::to_string(payload) + " bytes ";
  complaints.expect(peer.send(inbound), what + "sent by the peer");
  unsigned queue = 0;
  rte_mbuf* mbuf = receive(*wire.port, &queue);
  complaints.expect(mbuf != nullptr && bytes_of(mbuf) == inbound, what + "received");
  rte_pktmbuf_free(mbuf);

  const auto outbound = frame_of(payload, 2);
  mbuf = rte_pktmbuf_alloc(wire.pool);
  std::memcpy(rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(outbound.size())),
              outbound.data(), outbound.size());
  complaints.expect(rte_eth_tx_burst(wire.port->ethdev(), 0, &mbuf, 1) == 1, what + "sent");
  complaints.expect(peer.receive() == outbound, what + "received by the peer");
}

struct Kind {
  std::string driver;
  std::uint16_t mtu;
};

class KernelPort : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "needs root for a network namespace of its own";
    }
  }
};

TEST_P(KernelPort, CarriesFramesOfItsMtuAlsoWithoutPrivileges) {
  in_child([](Complaints& complaints) {
    const auto& [driver, mtu] = GetParam();
    Wire wire;
    if (!open_wire(complaints, 1, mtu, &wire, driver + "0")) {
      return;
    }
    const Peer peer;
    complaints.expect(peer.ready(), "peer");
    complaints.expect(wire.port->mtu() == mtu, "mtu");
    complaints.expect(wire.port->driver() == driver, wire.port->driver());
    complaints.expect(wire.port->link_up(), "link");
    exchange(complaints, wire, peer, 46, "with privileges");
    exchange(complaints, wire, peer, mtu, "with privileges");
    if (!complaints.expect_ok(drop_privileges(), "drop")) {
      return;
    }
    complaints.expect(socket(AF_PACKET, SOCK_RAW, 0) < 0, "privileges are there still");
    for (const std::size_t payload : {46U, 1000U, 1280U, unsigned{mtu}}) {
      exchange(complaints, wire, peer, payload, "without privileges");
    }
    // More than a ring of slots, so that every slot has been used.
    for (int i = 0; i < 2100; ++i) {
      exchange(complaints, wire, peer, 64, "once more");
      if (!complaints.text().empty()) {
        return;
      }
    }
    complaints.expect(wire.port->link_up(), "link without privileges");
    complaints.expect(wire.port->statistics().rx_packets == 2106, "count");
  });
}

INSTANTIATE_TEST_SUITE_P(All, KernelPort,
                         testing::Values(Kind{"net_af_packet", 1280}, Kind{"net_af_packet", 1500},
                                         Kind{"net_af_packet", 2000}, Kind{"net_af_packet", 9000},
                                         Kind{"net_af_xdp", 1500}),
                         [](const auto& kind) {
                           return kind.param.driver + "_" + std::to_string(kind.param.mtu);
                         });

// An IPv4/UDP frame of one of many flows.
std::vector<std::uint8_t> flow_frame(std::uint16_t source_port) {
  std::vector<std::uint8_t> frame = frame_of(64, 0);
  frame[12] = 0x08;
  frame[13] = 0x00;
  iphdr ip{};
  ip.version = 4;
  ip.ihl = 5;
  ip.tot_len = htons(64);
  ip.ttl = 64;
  ip.protocol = IPPROTO_UDP;
  ip.saddr = htonl(0xc0000201);
  ip.daddr = htonl(0xc0000202);
  udphdr udp{};
  udp.source = htons(source_port);
  udp.dest = htons(51820);
  udp.len = htons(44);
  std::memcpy(&frame[14], &ip, sizeof(ip));
  std::memcpy(&frame[34], &udp, sizeof(udp));
  return frame;
}

TEST(KernelPortQueues, ShareTheFlows) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root for a network namespace of its own";
  }
  in_child([](Complaints& complaints) {
    Wire wire;
    if (!open_wire(complaints, 2, 1500, &wire)) {
      return;
    }
    const Peer peer;
    complaints.expect(wire.port->queues() == 2 && wire.port->spreads(), "two queues");
    std::array<unsigned, 2> count{};
    for (std::uint16_t flow = 0; flow < 128; ++flow) {
      complaints.expect(peer.send(flow_frame(static_cast<std::uint16_t>(1000 + flow))), "sent");
      unsigned queue = 0;
      rte_mbuf* mbuf = receive(*wire.port, &queue);
      if (mbuf == nullptr) {
        complaints.expect(false, "flow " + std::to_string(flow) + " is lost");
        return;
      }
      ++count[queue];
      rte_pktmbuf_free(mbuf);
    }
    complaints.expect(count[0] > 20 && count[1] > 20, "all flows came by one queue");
  });
}

}  // namespace
}  // namespace gotthard::nic
