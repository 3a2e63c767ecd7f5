#include "tests/constant_time/controls.h"

#include <algorithm>
#include <array>
#include <memory>

#include "tests/constant_time/aead_experiment.h"
#include "tests/constant_time/comparison_experiment.h"
#include "tests/constant_time/leaks.h"

namespace gotthard::constant_time {
namespace {

constexpr std::size_t kSecret = 32;
using Bytes = std::array<std::byte, kSecret>;

// The base's calls, of its fixed class always, and `leak` of other secrets behind.
Experiment followed_by(const Experiment& base, const char* name,
                       std::function<void(Class, Random&, std::span<std::byte>)> prepare,
                       std::function<std::uint64_t(std::span<const std::byte>)> leak) {
  const auto secret = std::make_shared<Bytes>();
  const std::size_t size = base.slot_size;
  return {.name = base.name + ", then " + name,
          .slot_size = size + kSecret,
          .prepare =
              [base, prepare, size](Class of, Random& random, std::span<std::byte> slot) {
                base.prepare(Class::fixed, random, slot.first(size));
                prepare(of, random, slot.subspan(size));
              },
          .load =
              [base, secret, size](std::span<const std::byte> slot) {
                base.load(slot.first(size));
                std::ranges::copy(slot.subspan(size), secret->begin());
                evict_table();
              },
          .call =
              [base, secret, leak] {
                const std::uint64_t result = base.call();
                // Somebody may want to know.
                const std::uint64_t leaked = leak(*secret);
                asm volatile("" : : "r"(leaked));
                return result;
              },
          .expected = base.expected};
}

// What differs does not tell the classes apart.
void halves_of_any_class(Class /*of*/, Random& random, std::span<std::byte> secret) {
  fill_halves(random.coin() ? Class::fixed : Class::varied, random, secret);
}
void zeroes_or_random(Class of, Random& random, std::span<std::byte> secret) {
  std::ranges::fill(secret, std::byte{0});
  if (of == Class::varied) {
    random.fill(secret);
  }
}

}  // namespace

std::vector<Control> controls(crypto::AeadEngine& engine) {
  static const Shape kShape{"alike", std::vector<std::uint32_t>(8, 200)};
  const Experiment open =
      aead_experiment(engine, {crypto::Suite::aes128_gcm, Call::open, Secret::text, &kShape});
  const auto ends_early = [](std::span<const std::byte> secret) {
    return std::uint64_t{early_out_equal(secret.first(kSecret / 2), secret.last(kSecret / 2))};
  };
  return {
      {followed_by(open, "a comparison that ends early", fill_halves, ends_early)},
      {followed_by(open, "a branch on bits", zeroes_or_random, branch_on_bits)},
      {followed_by(open, "a table looked up", zeroes_or_random, look_up)},
      {followed_by(open, "classes that are alike", halves_of_any_class, ends_early), false},
  };
}

}  // namespace gotthard::constant_time
