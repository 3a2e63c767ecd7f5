#include "tests/constant_time/comparison_experiment.h"

#include <algorithm>
#include <array>
#include <memory>

#include "crypto/secret.h"

namespace gotthard::constant_time {

void fill_halves(Class of, Random& random, std::span<std::byte> secret) {
  const auto half = secret.first(secret.size() / 2);
  random.fill(half);
  std::ranges::copy(half, secret.subspan(half.size()).begin());
  half[of == Class::fixed ? 0 : half.size() - 1] ^= std::byte{1};
}

Experiment comparison_experiment() {
  using Halves = std::array<std::byte, 64>;
  const auto halves = std::make_shared<Halves>();
  return {
      .name = "crypto::equal",
      .slot_size = sizeof(Halves),
      .prepare = fill_halves,
      .load =
          [halves](std::span<const std::byte> slot) { std::ranges::copy(slot, halves->begin()); },
      .call =
          [halves] {
            const auto both = std::span(*halves);
            return std::uint64_t{crypto::equal(both.first<32>(), both.last<32>())};
          },
      .expected = 0};
}

}  // namespace gotthard::constant_time
