// `gotthard up` that returns once the gateway is ready, which then runs on by itself.
#pragma once

#include <optional>

#include "base/fd.h"
#include "base/result.h"
#include "control/mgmt/protocol.h"

namespace gotthard::supervisor {

// How it ended; nothing: well.
using Ending = std::optional<mgmt::Failure>;

class Background {
 public:
  // The original process gets what the new one tells, or that it ended without a word; the new one
  // gets nothing and goes on.
  Result<std::optional<Ending>> detach();
  // False: nobody waits to hear it (any more).
  bool tell(const Ending& ending);

 private:
  UniqueFd pipe_;
};

}  // namespace gotthard::supervisor
