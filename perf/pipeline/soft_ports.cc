#include "perf/pipeline/soft_ports.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>

#include <bit>

namespace gotthard::perf::pipeline {

Result<std::unique_ptr<SoftPort>> SoftPort::create(const std::string& name, unsigned queues,
                                                   std::uint32_t depth, std::uint16_t mtu,
                                                   rte_mempool* pool) {
  std::unique_ptr<SoftPort> soft(new SoftPort);
  const unsigned slots = std::bit_ceil(depth + 1);
  for (unsigned i = 0; i < queues; ++i) {
    // As a NIC's queues, without atomics: each has one thread.
    for (const auto& [rings, end] : {std::pair{&soft->in_, "in"}, std::pair{&soft->out_, "out"}}) {
      rte_ring* ring = rte_ring_create(fmt::format("{}_{}{}", name, end, i).c_str(), slots, 0,
                                       RING_F_SP_ENQ | RING_F_SC_DEQ);
      if (ring == nullptr) {
        return fail("no ring of {} packets: {}", slots, rte_strerror(rte_errno));
      }
      rings->push_back(ring);
    }
  }
  const int ethdev =
      rte_eth_from_rings(name.c_str(), soft->in_.data(), queues, soft->out_.data(), queues, 0);
  if (ethdev < 0) {
    return fail("DPDK makes no port of rings: {}", rte_strerror(rte_errno));
  }
  soft->ethdev_ = static_cast<std::uint16_t>(ethdev);
  auto port = nic::Port::adopt(
      soft->ethdev_, {.device = {.name = name}, .workers = queues, .mtu = mtu, .pool = pool});
  if (!port) {
    return tl::unexpected(port.error());
  }
  soft->port_ = std::move(*port);
  return soft;
}

SoftPort::~SoftPort() {
  port_.reset();
  for (const auto* rings : {&in_, &out_}) {
    for (rte_ring* ring : *rings) {
      rte_ring_free(ring);
    }
  }
}

void SoftPort::give(unsigned queue, std::span<rte_mbuf* const> packets) const {
  rte_ring_sp_enqueue_bulk(in_[queue], reinterpret_cast<void* const*>(packets.data()),
                           static_cast<unsigned>(packets.size()), nullptr);
}

std::uint32_t SoftPort::take(unsigned queue, std::span<rte_mbuf*> packets) const {
  return rte_ring_sc_dequeue_burst(out_[queue], reinterpret_cast<void**>(packets.data()),
                                   static_cast<unsigned>(packets.size()), nullptr);
}

}  // namespace gotthard::perf::pipeline
