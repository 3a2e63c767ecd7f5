// The usual mix of sizes of IP packets: seven small ones, four medium and one large, well mixed.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>

namespace gotthard::perf {

inline constexpr std::array<std::uint32_t, 12> kImix = {64,   576, 64,  64, 576, 64,
                                                        1420, 64,  576, 64, 64,  576};

[[nodiscard]] inline double mean_of_imix() {
  return std::accumulate(kImix.begin(), kImix.end(), 0.0) / static_cast<double>(kImix.size());
}

}  // namespace gotthard::perf
