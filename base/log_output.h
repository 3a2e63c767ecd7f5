// Where log lines go: standard error, without ever waiting for who reads it. A reader that stalls
// (a full pipe, a terminal that is stopped) costs lines, which are counted, and nothing else.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace gotthard::log {

class Output final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Takes standard error as it is then. Whoever else has it is not disturbed: pipes and terminals
  // are opened once more, so that it is our description of them that does not wait.
  void open();
  // What lines are written to; children inherit it as their standard error.
  [[nodiscard]] int descriptor() const { return fd_; }
  // Lines that were not written, since the start.
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

 private:
  // How many bytes were taken.
  std::size_t put(std::string_view text);

  UniqueFd own_;
  int fd_ = 2;
  bool socket_ = false;
  std::string rest_;  // of the line that was taken in part
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace gotthard::log
