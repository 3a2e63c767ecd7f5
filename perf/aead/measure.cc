#include "perf/aead/measure.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "crypto/aead.h"
#include "perf/clock.h"

namespace gotthard::perf {
namespace {

using crypto::AeadEngine;
using crypto::AeadJob;
using crypto::AeadKey;

constexpr std::size_t kHotBuffers = 32;
constexpr std::size_t kColdBuffers = 4096;
// What is timed at once when buffers are cold.
constexpr std::size_t kColdChunk = 256;
constexpr std::size_t kLeastRounds = 40;
constexpr std::size_t kMostRounds = 20000;
constexpr std::size_t kHugePage = 2 << 20;

// Buffers as a pool of a driver has them: room in front, an odd number of cache lines apart, so
// that their heads do not all fall into the same sets of the caches.
class Buffers {
 public:
  Buffers(std::size_t count, std::size_t length)
      : stride_(((kHeadroom + length + kTail + 63) / 64 | 1) * 64),
        size_((count * stride_ + kHugePage - 1) / kHugePage * kHugePage),
        memory_(static_cast<std::byte*>(
            mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    if (memory_ != MAP_FAILED) {
      madvise(memory_, size_, MADV_HUGEPAGE);
      std::memset(memory_, 0x5a, size_);
    }
  }
  ~Buffers() {
    if (memory_ != MAP_FAILED) {
      munmap(memory_, size_);
    }
  }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;
  [[nodiscard]] bool ok() const { return memory_ != MAP_FAILED; }
  [[nodiscard]] std::byte* text(std::size_t index) const {
    return memory_ + index * stride_ + kHeadroom;
  }

 private:
  static constexpr std::size_t kHeadroom = 128;
  static constexpr std::size_t kTail = 16;

  std::size_t stride_;
  std::size_t size_;
  std::byte* memory_;
};

// One backend with its keys and the jobs for all buffers.
class Side {
 public:
  static Result<Side> create(crypto::Backend backend, const Scenario& scenario,
                             const Buffers& buffers, std::size_t count) {
    auto engine = AeadEngine::create(backend);
    if (!engine) {
      return tl::unexpected(engine.error());
    }
    Side side(std::move(*engine), scenario.sessions);
    std::array<std::byte, crypto::kMaxKeySize> raw_key{};
    for (std::size_t i = 0; i < scenario.sessions; ++i) {
      raw_key.fill(static_cast<std::byte>(i + 1));
      raw_key[0] = static_cast<std::byte>(i >> 8);
      const auto key = std::span(raw_key).first(key_size(scenario.suite));
      if (const Status done = side.engine_.expand(scenario.suite, key, side.keys_[i]); !done) {
        return tl::unexpected(done.error());
      }
    }
    // WireGuard has no associated data, ESP the 8 bytes of its header.
    static constexpr std::array<std::byte, 8> kEspHeader{};
    const bool esp = family_of(scenario.suite) != crypto::Family::chacha20_poly1305;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t length = length_of(scenario, i);
      side.jobs_.push_back({.key = &side.keys_[i % scenario.sessions],
                            .text = buffers.text(i),
                            .length = length,
                            .aad_length = esp ? std::uint32_t{sizeof(kEspHeader)} : 0,
                            .aad = esp ? kEspHeader.data() : nullptr,
                            .tag = buffers.text(i) + length});
    }
    return side;
  }

  // Every packet of a round has a nonce that none had before.
  void count(std::size_t first, std::size_t packets) {
    for (std::size_t i = first; i < first + packets; ++i) {
      ++counter_;
      std::memcpy(jobs_[i].nonce.data() + 4, &counter_, sizeof(counter_));
    }
  }
  // Cycles for all bursts of these packets.
  std::uint64_t seal(std::size_t first, std::size_t packets, std::size_t burst) {
    const std::uint64_t begin = __rdtsc();
    for (std::size_t i = first; i < first + packets; i += burst) {
      engine_.seal({&jobs_[i], std::min(burst, first + packets - i)});
    }
    return __rdtsc() - begin;
  }
  std::uint64_t open(std::size_t first, std::size_t packets, std::size_t burst) {
    std::size_t authentic = 0;
    const std::uint64_t begin = __rdtsc();
    for (std::size_t i = first; i < first + packets; i += burst) {
      authentic += static_cast<std::size_t>(
          __builtin_popcountll(engine_.open({&jobs_[i], std::min(burst, first + packets - i)})));
    }
    const std::uint64_t cycles = __rdtsc() - begin;
    refused_ += packets - authentic;
    return cycles;
  }
  [[nodiscard]] std::size_t refused() const { return refused_; }
  [[nodiscard]] std::string name() const { return std::string(engine_.backend_name()); }

 private:
  Side(AeadEngine engine, std::size_t sessions)
      : engine_(std::move(engine)), keys_(std::make_unique<AeadKey[]>(sessions)) {}

  AeadEngine engine_;
  std::unique_ptr<AeadKey[]> keys_;
  std::vector<AeadJob> jobs_;
  std::uint64_t counter_ = 0;
  std::size_t refused_ = 0;
};

// What one side took in a round, and whether the probes before and after found the core quiet.
struct Sample {
  double cycles_per_packet;
  std::uint64_t probe;
};

class Rounds {
 public:
  Rounds(const Scenario& scenario, std::size_t buffers)
      : scenario_(scenario),
        buffers_(buffers),
        chunk_(std::min<std::size_t>(buffers, kColdChunk)),
        // Bursts that do not divide a chunk would end in a smaller one.
        packets_(std::max<std::size_t>(chunk_ / scenario.burst, 1) * scenario.burst) {}

  // Both sides, one after the other, each at the same buffers.
  void run(Side* side, Side* baseline) {
    last_probe_ = std::min(probe(), probe());
    side_.push_back(one(side));
    baseline_.push_back(one(baseline));
    first_ = first_ + packets_ + packets_ <= buffers_ ? first_ + packets_ : 0;
  }
  [[nodiscard]] std::size_t count() const { return side_.size(); }

  // Medians of the quiet rounds.
  void conclude(Measurement* result) const {
    std::vector<std::uint64_t> probes;
    for (const Sample& sample : side_) {
      probes.push_back(sample.probe);
    }
    std::sort(probes.begin(), probes.end());
    // The best ones of a run are what the work takes when nobody disturbs.
    const std::uint64_t limit = probes[probes.size() / 50] * 104 / 100;
    std::vector<double> ours;
    std::vector<double> theirs;
    for (std::size_t i = 0; i < side_.size(); ++i) {
      if (side_[i].probe <= limit && baseline_[i].probe <= limit) {
        ours.push_back(side_[i].cycles_per_packet);
        theirs.push_back(baseline_[i].cycles_per_packet);
      }
    }
    result->quiet = static_cast<double>(ours.size()) / static_cast<double>(side_.size());
    result->cycles_per_packet = median(ours.empty() ? all(side_) : ours);
    result->baseline_cycles_per_packet = median(theirs.empty() ? all(baseline_) : theirs);
  }

 private:
  Sample one(Side* side) {
    side->count(first_, packets_);
    std::uint64_t cycles = 0;
    if (scenario_.direction == Direction::open) {
      // What is opened was sealed before; nothing but the opening is timed.
      side->seal(first_, packets_, scenario_.burst);
      cycles = side->open(first_, packets_, scenario_.burst);
    } else {
      cycles = side->seal(first_, packets_, scenario_.burst);
    }
    const std::uint64_t before = last_probe_;
    last_probe_ = std::min(probe(), probe());
    return {static_cast<double>(cycles) / static_cast<double>(packets_),
            std::max(before, last_probe_)};
  }
  static std::vector<double> all(const std::vector<Sample>& samples) {
    std::vector<double> values;
    for (const Sample& sample : samples) {
      values.push_back(sample.cycles_per_packet);
    }
    return values;
  }
  static double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }

  Scenario scenario_;
  std::size_t buffers_;
  std::size_t chunk_;
  std::size_t packets_;
  std::size_t first_ = 0;
  std::uint64_t last_probe_ = 0;
  std::vector<Sample> side_;
  std::vector<Sample> baseline_;
};

}  // namespace

Result<Measurement> measure(const Scenario& scenario, double tsc_hz, double seconds) {
  const std::size_t count = scenario.working_set == WorkingSet::cold
                                ? kColdBuffers
                                : std::max<std::size_t>(kHotBuffers, scenario.burst);
  const Buffers buffers(count, scenario.size.value_or(1420));
  if (!buffers.ok()) {
    return fail("no memory for {} buffers; free some or use --working-set hot", count);
  }
  auto side = Side::create(scenario.backend, scenario, buffers, count);
  auto baseline = Side::create(scenario.baseline, scenario, buffers, count);
  if (!side || !baseline) {
    return tl::unexpected((!side ? side : baseline).error());
  }
  Rounds rounds(scenario, count);
  const std::uint64_t end = __rdtsc() + static_cast<std::uint64_t>(seconds * tsc_hz);
  while (rounds.count() < kLeastRounds || (__rdtsc() < end && rounds.count() < kMostRounds)) {
    rounds.run(&*side, &*baseline);
  }
  if (side->refused() != 0 || baseline->refused() != 0) {
    return fail("{} packets of {} and {} of {} were refused though nobody changed them",
                side->refused(), side->name(), baseline->refused(), baseline->name());
  }
  Measurement result{.scenario = scenario, .backend = side->name(), .tsc_hz = tsc_hz};
  rounds.conclude(&result);
  result.ratio = result.baseline_cycles_per_packet / result.cycles_per_packet;
  result.gbit_per_second = mean_length(scenario) * 8 * tsc_hz / result.cycles_per_packet / 1e9;
  return result;
}

}  // namespace gotthard::perf
