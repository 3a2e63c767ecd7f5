// When a worker gave packets to a port: its driver is asked, as the packets pass.
#pragma once

#include <rte_ethdev.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"

namespace gotthard::perf::latency {

struct Departure {
  std::uint64_t tsc = 0;
  std::size_t packets = 0;  // at once
};

// The worker writes it in its turn, the run reads it between turns, on the same thread.
class Departures {
 public:
  // Of one queue of a port, until the end of its life.
  static Result<std::unique_ptr<Departures>> create(std::uint16_t ethdev, std::uint16_t queue);
  Departures(const Departures&) = delete;
  Departures& operator=(const Departures&) = delete;
  ~Departures();

  [[nodiscard]] const std::vector<Departure>& log() const { return log_; }
  void clear() { log_.clear(); }

 private:
  Departures(std::uint16_t ethdev, std::uint16_t queue) : ethdev_(ethdev), queue_(queue) {
    log_.reserve(64);  // more than a turn has, so that none allocates
  }

  std::uint16_t ethdev_;
  std::uint16_t queue_;
  const rte_eth_rxtx_callback* callback_ = nullptr;
  std::vector<Departure> log_;
};

}  // namespace gotthard::perf::latency
