// One of the generator's ports: opened, with a link, and knowing where its frames go. The main
// thread, while no worker runs.
#pragma once

#include <rte_mempool.h>

#include <memory>
#include <string>
#include <vector>

#include "nic/port.h"
#include "perf/line_rate/neighbour.h"
#include "perf/line_rate/settings.h"

namespace gotthard::perf::line_rate {

class Promiscuous {
 public:
  explicit Promiscuous(std::uint16_t ethdev);
  Promiscuous(const Promiscuous&) = delete;
  Promiscuous& operator=(const Promiscuous&) = delete;
  ~Promiscuous();  // a kernel device beneath would stay so

 private:
  std::uint16_t ethdev_;
};

struct TestPort {
  PortSettings settings;
  std::unique_ptr<nic::Port> port;
  std::unique_ptr<Promiscuous> promiscuous;  // where another address than the device's is ours
  PortMacs macs;
  std::unique_ptr<Neighbour> neighbour;

  // Megabits a second; 0: the device does not say.
  [[nodiscard]] std::uint32_t speed() const;
};

// `descriptors` a ring; `flows` say which addresses are at which port.
Result<std::vector<TestPort>> open_ports(const Settings& settings, const std::vector<Flow>& flows,
                                         unsigned workers, std::uint16_t descriptors,
                                         rte_mempool* pool);

// Waits for all links, then asks for the gateways' Ethernet addresses.
Status connect(std::vector<TestPort>* ports, rte_mempool* pool);

}  // namespace gotthard::perf::line_rate
