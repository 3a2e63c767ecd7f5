// Tells when one of our devices is set up again (`ip link set wg0 up`).
#pragma once

#include <functional>
#include <map>

#include "base/fd.h"
#include "base/result.h"

namespace gotthard::supervisor {

class LinkMonitor {
 public:
  // Sees what happens from now on.
  static Result<LinkMonitor> open();

  [[nodiscard]] int fd() const { return socket_.get(); }
  // Reads what has come: `set_up(index)` for each device that was down and is up.
  void read(const std::function<void(int index)>& set_up);

 private:
  explicit LinkMonitor(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
  std::map<int, bool> up_;  // by interface index, where known
};

}  // namespace gotthard::supervisor
