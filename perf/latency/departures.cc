#include "perf/latency/departures.h"

#include <rte_cycles.h>
#include <rte_malloc.h>

namespace gotthard::perf::latency {

Result<std::unique_ptr<Departures>> Departures::create(std::uint16_t ethdev, std::uint16_t queue) {
  std::unique_ptr<Departures> departures(new Departures(ethdev, queue));
  departures->callback_ = rte_eth_add_tx_callback(
      ethdev, queue,
      [](std::uint16_t, std::uint16_t, rte_mbuf**, std::uint16_t count, void* log) {
        static_cast<std::vector<Departure>*>(log)->push_back({rte_rdtsc(), count});
        return count;
      },
      &departures->log_);
  if (departures->callback_ == nullptr) {
    return fail("DPDK does not tell when port {} sends: it was built without callbacks", ethdev);
  }
  return departures;
}

Departures::~Departures() {
  if (callback_ != nullptr) {
    rte_eth_remove_tx_callback(ethdev_, queue_, callback_);
    rte_free(const_cast<rte_eth_rxtx_callback*>(callback_));  // nobody sends any more
  }
}

}  // namespace gotthard::perf::latency
