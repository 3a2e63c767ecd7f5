#include "nic/pool.h"

#include <rte_errno.h>
#include <rte_mbuf.h>

namespace gotthard::nic {

Result<rte_mempool*> create_pool(const std::string& name, std::uint32_t count, std::uint16_t mtu,
                                 int socket) {
  constexpr std::uint32_t kEthernet = 18;
  constexpr std::uint32_t kCache = 256;
  std::uint32_t room = RTE_PKTMBUF_HEADROOM + mtu + kEthernet + kTailroom;
  room = (room + 63) / 64 * 64;
  // Drivers of NICs want at least 2 KB behind the headroom.
  room = room < RTE_MBUF_DEFAULT_BUF_SIZE ? RTE_MBUF_DEFAULT_BUF_SIZE : room;
  rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), count, kCache, 0,
                                              static_cast<std::uint16_t>(room), socket);
  if (pool == nullptr) {
    return fail(
        "no memory for {} packet buffers of {} bytes ({}): lower dataplane.mbufs or reserve "
        "more hugepages",
        count, room, rte_strerror(rte_errno));
  }
  return pool;
}

}  // namespace gotthard::nic
