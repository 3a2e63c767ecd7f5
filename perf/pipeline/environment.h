// DPDK for perf runs: started once a process, on the CPUs that it may run on.
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"

namespace gotthard::perf::pipeline {

struct Environment {
  std::vector<unsigned> cpus;  // worker i has the i-th
  bool hugepages = false;      // enough of them were free; else small pages
};

// The calling thread goes on at the first CPU.
Result<Environment> start_environment();

}  // namespace gotthard::perf::pipeline
