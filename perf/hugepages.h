// Memory that DPDK may have in large pages.
#pragma once

#include <cstdint>
#include <fstream>

namespace gotthard::perf {

// Of the machine's pool of 2 MB pages; 0 where there is none.
inline std::uint64_t free_hugepages_mb() {
  std::ifstream file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
  std::uint64_t pages = 0;
  file >> pages;
  return file ? 2 * pages : 0;
}

}  // namespace gotthard::perf
