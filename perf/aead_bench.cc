// What does a packet cost to seal and to open, by backend, suite and size? In place, bursts of 32,
// one key, buffers hot in the cache; `cycles` are of the time stamp counter, per packet.
#include <benchmark/benchmark.h>
#include <x86intrin.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "crypto/aead.h"
#include "crypto/init.h"

namespace gotthard::crypto {
namespace {

constexpr std::size_t kBurst = 32;
constexpr std::size_t kLargest = 2048;

// The usual mix of sizes: seven small packets, four medium and one large.
constexpr std::array<std::uint32_t, 12> kImix = {64,   576, 64,  64, 576, 64,
                                                 1420, 64,  576, 64, 64,  576};

using Lengths = std::array<std::uint32_t, kBurst>;

Lengths same(std::uint32_t length) {
  Lengths lengths;
  lengths.fill(length);
  return lengths;
}

Lengths imix() {
  Lengths lengths;
  for (std::size_t i = 0; i < kBurst; ++i) {
    lengths[i] = kImix[i % kImix.size()];
  }
  return lengths;
}

enum class Direction { seal, open };

void run(benchmark::State& state, Backend backend, Suite suite, Direction direction,
         const Lengths& lengths) {
  auto engine = AeadEngine::create(backend);
  if (!engine) {
    state.SkipWithError(engine.error().message.c_str());
    return;
  }
  AeadKey key;
  if (!engine->expand(suite, std::vector<std::byte>(key_size(suite)), key)) {
    state.SkipWithError("the key does not expand");
    return;
  }
  std::vector<std::byte> memory(kBurst * kLargest);
  std::array<AeadJob, kBurst> jobs;
  for (std::size_t i = 0; i < kBurst; ++i) {
    std::byte* text = &memory[i * kLargest + 64];
    jobs[i] = {.key = &key, .text = text, .length = lengths[i], .tag = text + lengths[i]};
  }
  std::uint64_t counter = 0;
  std::uint64_t cycles = 0;
  for (auto _ : state) {
    for (AeadJob& job : jobs) {
      ++counter;
      for (std::size_t i = 0; i < 8; ++i) {
        job.nonce[4 + i] = static_cast<std::uint8_t>(counter >> (8 * i));
      }
    }
    std::uint64_t start = __rdtsc();
    engine->seal(jobs);
    std::uint64_t end = __rdtsc();
    if (direction == Direction::open) {
      start = __rdtsc();
      const std::uint64_t authentic = engine->open(jobs);
      end = __rdtsc();
      if (authentic != 0xffffffff) {
        state.SkipWithError("a packet was refused");
        return;
      }
    }
    cycles += end - start;
  }
  const auto packets = static_cast<double>(state.iterations() * kBurst);
  const double octets = std::accumulate(lengths.begin(), lengths.end(), 0.0) / kBurst;
  state.counters["cycles"] = static_cast<double>(cycles) / packets;
  state.counters["cycles_per_byte"] = static_cast<double>(cycles) / packets / octets;
}

void declare(const std::string& name, Backend backend, Suite suite, Direction direction) {
  const auto add = [&](const std::string& size, const Lengths& lengths) {
    benchmark::RegisterBenchmark((name + "/" + size).c_str(), run, backend, suite, direction,
                                 lengths);
  };
  for (const std::uint32_t length : {64u, 256u, 512u, 1024u, 1420u}) {
    add(std::to_string(length), same(length));
  }
  add("imix", imix());
}

// All that run on this machine.
void declare_all() {
  constexpr std::array kMeasured{std::pair(Suite::chacha20_poly1305, "chacha20poly1305"),
                                 std::pair(Suite::aes128_gcm, "aes128gcm"),
                                 std::pair(Suite::aes256_gcm, "aes256gcm")};
  for (std::size_t i = 1; i < kBackendNames.size(); ++i) {
    const auto backend = static_cast<Backend>(i);
    if (!AeadEngine::create(backend)) {
      continue;
    }
    for (const auto& [suite, suite_name] : kMeasured) {
      const std::string name = std::string(name_of(backend)) + "/" + suite_name;
      declare(name + "/seal", backend, suite, Direction::seal);
      declare(name + "/open", backend, suite, Direction::open);
    }
  }
}

}  // namespace
}  // namespace gotthard::crypto

int main(int argc, char** argv) {
  using namespace gotthard::crypto;
  if (const auto status = init(); !status) {
    std::fprintf(stderr, "%s\n", status.error().message.c_str());
    return 1;
  }
  declare_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
