// The questions of a report. What asks a question and what shows its answer spell it by the same
// function.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "perf/report/results.h"

namespace gotthard::perf::report {

struct Path {
  const char* protocol;
  const char* suite;
  const char* name;  // for people
};

inline constexpr std::array<Path, 4> kPaths{{{"wireguard", "chacha20poly1305", "WireGuard"},
                                             {"esp", "aes128gcm", "ESP AES-128-GCM"},
                                             {"esp", "aes256gcm", "ESP AES-256-GCM"},
                                             {"esp", "chacha20poly1305", "ESP ChaCha20-Poly1305"}}};
inline constexpr std::array<const char*, 2> kDirections{"encap", "decap"};
// Bytes of inner packets, as --size takes them.
inline constexpr std::array<const char*, 6> kSizes{"64", "256", "512", "1024", "1420", "imix"};
// Packet buffers, as --working-set takes them; the first is what all other points have.
inline constexpr std::array<const char*, 3> kWorkingSets{"hot", "2048", "4096"};
// The one for what is asked of two paths only: working sets, tunnels, latency.
inline constexpr std::array<Path, 2> kFewPaths{kPaths[0], kPaths[1]};

[[nodiscard]] Arguments pipeline_point(const Path& path, const std::string& direction,
                                       const std::string& size,
                                       const std::string& working_set = kWorkingSets[0]);
// The AEAD alone, sealing for "encap" and opening for "decap".
[[nodiscard]] Arguments aead_point(const Path& path, const std::string& direction,
                                   const std::string& size);
// The memory alone, 1420 bytes.
[[nodiscard]] Arguments memory_point(const std::string& working_set);
[[nodiscard]] Arguments latency_point(const Path& path);
[[nodiscard]] Arguments tunnels_point(const Path& path);
// One tunnel and two on two workers, which needs two CPUs.
[[nodiscard]] Arguments workers_point(const Path& path);

// Each once. `quick`: a few, for tests. `cpus`: on which this process may run.
[[nodiscard]] std::vector<Arguments> grid(bool quick, unsigned cpus);

}  // namespace gotthard::perf::report
