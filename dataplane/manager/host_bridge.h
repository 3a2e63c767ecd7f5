// Between workers and the kernel: frames to and from the ports' twins (TAP), packets to and from
// the tunnels' TUNs. The manager's thread.
#pragma once

#include <rte_mempool.h>

#include <array>
#include <cstdint>
#include <span>

#include "base/fd.h"
#include "dataplane/abi/limits.h"
#include "dataplane/manager/topology_store.h"
#include "dataplane/manager/worker_links.h"
#include "dataplane/wire/ip.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

class HostBridge {
 public:
  struct Counters {
    std::uint64_t to_host = 0;
    std::uint64_t from_host = 0;
  };

  HostBridge(const Shared* shared, const TopologyStore* topology, WorkerLinks* links,
             rte_mempool* pool)
      : shared_(shared), topology_(topology), links_(links), pool_(pool) {}

  void set_twin(std::uint16_t port, UniqueFd fd) { twins_[port] = std::move(fd); }
  void set_tun(std::uint16_t interface, UniqueFd fd) { tuns_[interface] = std::move(fd); }
  [[nodiscard]] int twin_fd(std::uint16_t port) const { return twins_[port].get(); }
  [[nodiscard]] int tun_fd(std::uint16_t interface) const { return tuns_[interface].get(); }

  // Take the mbuf. A full or absent device drops it (`host_ring_full`).
  // `place`: of a port or VLAN in the topology.
  void to_twin(std::uint16_t place, rte_mbuf* mbuf);
  void to_tun(std::uint16_t interface, rte_mbuf* mbuf);

  // Reads what the kernel has sent, at most a burst. True: there may be more.
  bool from_twin(std::uint16_t port);
  bool from_tun(std::uint16_t interface);

  [[nodiscard]] const Counters& twin_counters(std::uint16_t port) const { return counters_[port]; }

 private:
  [[nodiscard]] bool goes_by_tunnel(std::span<const std::byte> frame) const;
  rte_mbuf* read(int fd);
  [[nodiscard]] std::uint32_t peer_of(rte_mbuf* mbuf, const wire::IpPacket& packet,
                                      std::uint16_t interface) const;
  void write(int fd, rte_mbuf* mbuf);

  const Shared* shared_;
  const TopologyStore* topology_;
  WorkerLinks* links_;
  rte_mempool* pool_;
  std::array<UniqueFd, abi::kMaxPorts> twins_;
  std::array<UniqueFd, abi::kMaxInterfaces> tuns_;
  std::array<Counters, abi::kMaxPorts> counters_{};
};

}  // namespace gotthard::dataplane
