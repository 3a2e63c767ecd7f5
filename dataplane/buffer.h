// Where a packet lies in its buffer, which is of one segment: `classify` has seen to that, and what
// others make is so. DPDK's functions look for more segments, in the buffer's second line.
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>

namespace gotthard::dataplane {

inline void set_length(rte_mbuf* mbuf, std::uint16_t length) {
  mbuf->data_len = length;
  mbuf->pkt_len = length;
}

// The packet is what lies there, and nothing before or behind it.
inline void set_packet(rte_mbuf* mbuf, const std::byte* at, std::uint16_t length) {
  mbuf->data_off = static_cast<std::uint16_t>(at - static_cast<std::byte*>(mbuf->buf_addr));
  set_length(mbuf, length);
}

[[nodiscard]] inline std::byte* packet_at(const rte_mbuf* mbuf) {
  return static_cast<std::byte*>(mbuf->buf_addr) + mbuf->data_off;
}

}  // namespace gotthard::dataplane
