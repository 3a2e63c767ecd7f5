#include "nic/pool.h"

#include <rte_errno.h>
#include <rte_mbuf.h>

#include <algorithm>

#include "nic/device.h"

namespace gotthard::nic {

// The new Ethernet header takes the place of the received one.
static_assert(RTE_PKTMBUF_HEADROOM >= 2 * kOneEncapsulation,
              "a tunnel within a tunnel must fit in front of a received packet");

std::uint32_t buffer_bytes(std::uint16_t mtu) {
  constexpr std::uint32_t kEthernet = 18;
  const std::uint32_t behind = std::max(mtu + kEthernet + kTailroom, ring_frame_bytes(mtu));
  // Drivers of NICs want at least 2 KB behind the headroom, and some round down to whole KB.
  return std::max<std::uint32_t>(RTE_PKTMBUF_HEADROOM + (behind + 63) / 64 * 64,
                                 RTE_MBUF_DEFAULT_BUF_SIZE);
}

Result<rte_mempool*> create_pool(const std::string& name, std::uint32_t count, std::uint16_t mtu,
                                 int socket) {
  constexpr std::uint32_t kCache = 256;
  const std::uint32_t room = buffer_bytes(mtu);
  if (room > UINT16_MAX) {
    return fail("an MTU of {} is too large for one packet buffer: write at most 64000", mtu);
  }
  rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), count, kCache, 0,
                                              static_cast<std::uint16_t>(room), socket);
  if (pool == nullptr) {
    return fail(
        "no memory for {} packet buffers of {} bytes on NUMA node {} ({}), {} MB: lower "
        "dataplane.mbufs or reserve more hugepages on that node",
        count, room, socket, rte_strerror(rte_errno), (std::uint64_t{count} * room) >> 20);
  }
  return pool;
}

}  // namespace gotthard::nic
