// An Ethernet port, hardware or software, with one pair of queues a worker, or as many as it has.
#pragma once

#include <rte_mempool.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "nic/device.h"

namespace gotthard::nic {

struct PortOptions {
  Device device;
  unsigned workers = 1;
  std::uint16_t mtu = 1500;
  rte_mempool* pool = nullptr;
  std::uint16_t descriptors = 1024;
};

// Descriptors a ring, so that the rings of all ports together, both directions, hold at most half
// of the buffers: the rest is under way, parked, or in the caches of threads.
[[nodiscard]] std::uint16_t descriptors_for(std::uint32_t buffers, std::size_t ports,
                                            unsigned workers);

struct PortStatistics {
  std::uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
  std::uint64_t rx_missed = 0, rx_errors = 0, tx_errors = 0, rx_no_mbuf = 0;
};

class Port {
 public:
  // Attaches the device, sets queues, MTU and receive-side scaling, starts it. The manager's
  // thread, before workers run.
  static Result<std::unique_ptr<Port>> open(const PortOptions& options);
  // A port that exists already (rings between threads in tests and perf runs).
  static Result<std::unique_ptr<Port>> adopt(std::uint16_t ethdev, const PortOptions& options);
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port();  // stops it and lets the device go; workers have stopped

  [[nodiscard]] std::uint16_t ethdev() const { return ethdev_; }
  [[nodiscard]] const std::array<std::uint8_t, 6>& mac() const { return mac_; }
  [[nodiscard]] std::uint16_t mtu() const { return mtu_; }
  [[nodiscard]] const std::string& driver() const { return driver_; }
  [[nodiscard]] unsigned queues() const { return queues_; }
  // The device spreads flows over its queues by itself.
  [[nodiscard]] bool spreads() const { return spreads_; }
  // Those of ESP by their SPI, so that one peer's SAs go to several queues.
  [[nodiscard]] bool spreads_spis() const { return spreads_spis_; }
  [[nodiscard]] int socket() const { return socket_; }

  [[nodiscard]] bool link_up() const;
  [[nodiscard]] PortStatistics statistics() const;

 private:
  explicit Port(std::uint16_t ethdev) : ethdev_(ethdev) {}
  Status start(const PortOptions& options);

  std::uint16_t ethdev_;
  std::array<std::uint8_t, 6> mac_{};
  std::uint16_t mtu_ = 0;
  std::string driver_;
  std::string name_;
  unsigned queues_ = 0;
  bool spreads_ = false;
  bool spreads_spis_ = false;
  bool attached_ = false;
  int socket_ = 0;
};

}  // namespace gotthard::nic
