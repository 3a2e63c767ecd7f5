// The memory in which control keeps what must outlive it: private keys among it, so that it is
// never swapped out nor in a core file.
#pragma once

#include "base/fd.h"
#include "base/memfd.h"
#include "base/result.h"

namespace gotthard::supervisor {

class CheckpointMemory {
 public:
  static Result<CheckpointMemory> make();

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  Mapping mapping_;  // holds the lock
};

}  // namespace gotthard::supervisor
