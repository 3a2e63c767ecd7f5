// The network of a perf run: two ports made of rings. What is put in front of a port's queue its
// worker receives; what the worker sends waits behind the queue. One thread at a time uses a queue.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "nic/port.h"

namespace gotthard::perf::pipeline {

class SoftPort {
 public:
  // `depth`: packets that may wait at a queue.
  static Result<std::unique_ptr<SoftPort>> create(const std::string& name, unsigned queues,
                                                  std::uint32_t depth, std::uint16_t mtu,
                                                  rte_mempool* pool);
  SoftPort(const SoftPort&) = delete;
  SoftPort& operator=(const SoftPort&) = delete;
  ~SoftPort();  // after the port is gone

  // The data plane's side of it, once.
  [[nodiscard]] std::unique_ptr<nic::Port> take_port() { return std::move(port_); }
  [[nodiscard]] std::uint16_t ethdev() const { return ethdev_; }

  void give(unsigned queue, std::span<rte_mbuf* const> packets) const;
  [[nodiscard]] std::uint32_t sent(unsigned queue) const { return rte_ring_count(out_[queue]); }
  std::uint32_t take(unsigned queue, std::span<rte_mbuf*> packets) const;

 private:
  SoftPort() = default;

  std::vector<rte_ring*> in_;
  std::vector<rte_ring*> out_;
  std::unique_ptr<nic::Port> port_;
  std::uint16_t ethdev_ = 0;
};

}  // namespace gotthard::perf::pipeline
