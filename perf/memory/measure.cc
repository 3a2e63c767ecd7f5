#include "perf/memory/measure.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "perf/clock.h"
#include "perf/samples.h"

namespace gotthard::perf::memory {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kHeadroom = 128;
// As far apart as packet buffers of a pool: an odd number of lines, so that their heads do not all
// fall into the same sets of the caches. Large packets are further apart.
constexpr std::size_t kLeastStride = 37 * kLine;
constexpr std::size_t kHotBuffers = 32;
constexpr std::size_t kChunk = 256;  // packets that are timed at once
constexpr std::size_t kLeastRounds = 40;

std::size_t stride_of(std::size_t size) {
  const std::size_t lines = (kHeadroom + size + kLine - 1) / kLine;
  return std::max(kLeastStride, (lines | 1) * kLine);
}

class Buffers {
 public:
  Buffers(std::size_t count, std::size_t size)
      : stride_(stride_of(size)),
        length_(count * stride_),
        memory_(static_cast<std::byte*>(
            mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    if (ok()) {
      madvise(memory_, length_, MADV_HUGEPAGE);
      std::memset(memory_, 0x5a, length_);
    }
  }
  ~Buffers() {
    if (ok()) {
      munmap(memory_, length_);
    }
  }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;
  [[nodiscard]] bool ok() const { return memory_ != MAP_FAILED; }
  [[nodiscard]] std::byte* packet(std::size_t index) const {
    return memory_ + index * stride_ + kHeadroom;
  }

 private:
  std::size_t stride_;
  std::size_t length_;
  std::byte* memory_;
};

// One read and one write a line: how wide registers are makes no difference to the memory.
void touch(std::byte* packet, std::size_t size) {
  for (std::size_t at = 0; at < size; at += kLine) {
    asm volatile("addb $1, %0" : "+m"(packet[at]));
  }
}

}  // namespace

Result<Measurement> measure(const Question& question, double tsc_hz) {
  const std::size_t count = question.working_set.value_or(kHotBuffers);
  const Buffers buffers(count, question.size);
  if (!buffers.ok()) {
    return fail("no memory for {} buffers: free some, or use --working-set hot", count);
  }
  const std::size_t chunk = std::min(count, kChunk);
  Samples samples;
  const std::uint64_t end = __rdtsc() + static_cast<std::uint64_t>(question.seconds * tsc_hz);
  std::uint64_t before = probe_core();
  for (std::size_t first = 0; samples.size() < kLeastRounds || __rdtsc() < end;
       first = (first + chunk) % count) {
    const std::uint64_t begin = __rdtsc();
    for (std::size_t i = first; i < first + chunk; ++i) {
      touch(buffers.packet(i % count), question.size);
    }
    const auto cycles = static_cast<double>(__rdtsc() - begin);
    const std::uint64_t after = probe_core();
    samples.add(cycles / static_cast<double>(chunk), std::max(before, after));
    before = after;
  }
  const std::uint64_t limit = quiet_limit({&samples, 1});
  Measurement result{.question = question, .tsc_hz = tsc_hz};
  result.cycles_per_packet = samples.median(limit);
  result.quiet_share = samples.quiet_share(limit);
  result.gbit_per_second = question.size * 8 * tsc_hz / result.cycles_per_packet / 1e9;
  return result;
}

std::string json(const Measurement& m) {
  nlohmann::ordered_json result;
  result["size"] = m.question.size;
  if (m.question.working_set) {
    result["working_set"] = *m.question.working_set;
  } else {
    result["working_set"] = "hot";
  }
  result["cycles_per_packet"] = m.cycles_per_packet;
  result["gbit_per_second"] = m.gbit_per_second;
  result["quiet_share"] = m.quiet_share;
  result["tsc_hz"] = static_cast<std::uint64_t>(m.tsc_hz);
  return result.dump() + "\n";
}

std::string table(const Measurement& m) {
  const auto& set = m.question.working_set;
  return fmt::format(
      "{} bytes, working set {}: {:.1f} cycles a packet, {:.1f} Gbit/s ({:.0f} % of the time "
      "undisturbed)\n",
      m.question.size, set ? fmt::format("{}", *set) : "hot", m.cycles_per_packet,
      m.gbit_per_second, m.quiet_share * 100);
}

}  // namespace gotthard::perf::memory
