// The generator: its ports and workers, which run one trial after the other. Made, used and ended
// by one thread; once a process, as DPDK is.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "perf/line_rate/receiver.h"
#include "perf/line_rate/sender.h"
#include "perf/line_rate/test_port.h"

namespace gotthard::perf::line_rate {

class Generator {
 public:
  // Starts DPDK, opens the ports and finds their gateways.
  static Result<std::unique_ptr<Generator>> create(const Settings& settings);
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;
  ~Generator();

  // Takes as long as the trial and the wait behind it.
  Result<TrialCounts> run(const Load& load);

  // Frames a second that the slowest sending port's link carries; none: no device tells its speed.
  [[nodiscard]] std::optional<double> link_rate(const FrameSize& size) const;
  [[nodiscard]] const std::vector<TestPort>& ports() const { return ports_; }
  [[nodiscard]] const std::vector<Flow>& flows() const { return format_->flows(); }
  [[nodiscard]] const std::vector<Direction>& directions() const { return directions_; }
  [[nodiscard]] unsigned workers() const { return workers_; }
  [[nodiscard]] bool hugepages() const { return hugepages_; }

 private:
  // What one worker does.
  struct Crew {
    std::vector<Sender> senders;
    std::vector<Receiver*> receivers;
  };

  Generator() = default;
  Status start(const Settings& settings);
  Status start_dpdk(const Settings& settings);
  void deal_out();
  [[nodiscard]] std::vector<std::uint64_t> plan(const Load& load) const;
  Status begin(const Load& load, const std::vector<std::uint64_t>& frames);
  [[nodiscard]] TrialCounts collect(const std::vector<std::uint64_t>& frames) const;
  static int work(void* crew);

  unsigned workers_ = 1;
  bool hugepages_ = false;
  bool dpdk_started_ = false;
  rte_mempool* pool_ = nullptr;
  std::vector<TestPort> ports_;
  std::unique_ptr<FrameFormat> format_;
  std::vector<Direction> directions_;
  std::vector<std::unique_ptr<Receiver>> receivers_;  // by port
  std::vector<Crew> crews_;                           // by worker
  TrialState trial_;
};

}  // namespace gotthard::perf::line_rate
