// `gotthard up` that returns once the gateway is ready, which then runs on by itself.
#pragma once

#include <optional>

#include "base/fd.h"
#include "base/result.h"

namespace gotthard::supervisor {

class Background {
 public:
  // The original process gets the exit status that the new one tells, or kExitFailed when it ends
  // without a word; the new one gets nothing and goes on.
  Result<std::optional<int>> detach();
  void tell(int status);

 private:
  UniqueFd pipe_;
};

}  // namespace gotthard::supervisor
