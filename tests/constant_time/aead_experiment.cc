#include "tests/constant_time/aead_experiment.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

namespace gotthard::constant_time {
namespace {

using crypto::AeadEngine;
using crypto::AeadJob;
using crypto::AeadKey;
using crypto::Suite;

constexpr std::size_t kLine = 64;
constexpr std::size_t kTag = 16;
constexpr std::array<std::byte, 8> kAad{};

std::string suite_name(Suite suite) {
  return suite == Suite::chacha20_poly1305 ? "chacha20poly1305"
         : suite == Suite::aes128_gcm      ? "aes128gcm"
                                           : "aes256gcm";
}

std::string name_of(const AeadEngine& engine, const AeadCase& which) {
  std::string name(engine.backend_name());
  name += ' ' + suite_name(which.suite);
  if (which.call == Call::expand) {
    return name + " expand: key";
  }
  name += which.call == Call::seal ? " seal " : " open ";
  name += which.shape->name;
  return name + (which.secret == Secret::key    ? ": key"
                 : which.secret == Secret::text ? ": text"
                                                : ": forged tag");
}

// Where the calls find their secrets. A slot has the keys, then what `packets_` has: each packet's
// text and tag, packets a whole number of lines apart.
class Batch {
 public:
  Batch(AeadEngine& engine, const AeadCase& which)
      : engine_(engine), which_(which), keys_(which.shape->keys) {
    std::size_t size = 0;
    for (const std::uint32_t length : which.shape->lengths) {
      size += (length + kTag + kLine - 1) / kLine * kLine;
    }
    memory_.resize(size + kLine);
    std::byte* place =
        memory_.data() + (kLine - reinterpret_cast<std::uintptr_t>(memory_.data()) % kLine) % kLine;
    packets_ = {place, size};
    for (const std::uint32_t length : which.shape->lengths) {
      AeadJob job{.key = &keys_[jobs_.size() % keys_.size()],
                  .text = place,
                  .length = length,
                  .aad_length = which.shape->aad,
                  .aad = kAad.data(),
                  .tag = place + length};
      job.nonce.fill(static_cast<std::uint8_t>(jobs_.size()));
      jobs_.push_back(job);
      place += (length + kTag + kLine - 1) / kLine * kLine;
    }
  }

  [[nodiscard]] std::size_t slot_size() const { return key_bytes() + packets_.size(); }

  void prepare(Class of, Random& random, std::span<std::byte> slot) {
    std::ranges::fill(slot, std::byte{0});
    const auto keys = slot.first(key_bytes());
    const auto packets = slot.subspan(key_bytes());
    if (of == Class::varied && which_.secret == Secret::key) {
      random.fill(keys);
    }
    if (of == Class::varied && which_.secret == Secret::text) {
      random.fill(packets);
    }
    if (which_.call != Call::open) {
      return;
    }
    load(slot);
    engine_.seal(jobs_);
    if (which_.secret == Secret::tag) {
      const auto wrong = static_cast<std::byte>(1 + random.next() % 255);
      for (const AeadJob& job : jobs_) {
        job.tag[of == Class::fixed ? 0 : kTag - 1] ^= wrong;
      }
    }
    std::ranges::copy(packets_, packets.begin());
  }

  void load(std::span<const std::byte> slot) {
    raw_keys_ = slot.first(key_bytes());
    if (which_.call != Call::expand) {
      expand();
    }
    std::ranges::copy(slot.subspan(key_bytes()), packets_.begin());
  }

  std::uint64_t call() {
    switch (which_.call) {
      case Call::expand:
        expand();
        return 0;
      case Call::seal:
        engine_.seal(jobs_);
        return 0;
      case Call::open:
        return engine_.open(jobs_);
    }
    return 0;
  }
  [[nodiscard]] std::uint64_t expected() const {
    return which_.call == Call::open && which_.secret != Secret::tag
               ? (std::uint64_t{1} << jobs_.size()) - 1
               : 0;
  }

 private:
  [[nodiscard]] std::size_t key_bytes() const {
    return keys_.size() * crypto::key_size(which_.suite);
  }
  void expand() {
    const std::size_t size = crypto::key_size(which_.suite);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      static_cast<void>(engine_.expand(which_.suite, raw_keys_.subspan(i * size, size), keys_[i]));
    }
  }

  AeadEngine& engine_;
  AeadCase which_;
  std::vector<AeadKey> keys_;
  std::vector<std::byte> memory_;
  std::span<std::byte> packets_;
  std::vector<AeadJob> jobs_;
  std::span<const std::byte> raw_keys_;
};

// Eight alike of one session, as a burst has them mostly; then what makes a kernel take its other
// ways: two sessions, lengths that differ, texts of several windows of GHASH and with heads for
// Poly1305.
const std::array kShapes{
    Shape{.name = "alike", .lengths = std::vector<std::uint32_t>(8, 200), .aad = 8},
    Shape{.name = "mixed", .lengths = {37, 1100, 64, 1100, 300, 1100, 129, 1100}, .keys = 2},
};

}  // namespace

Experiment aead_experiment(AeadEngine& engine, const AeadCase& which) {
  const auto batch = std::make_shared<Batch>(engine, which);
  return {.name = name_of(engine, which),
          .slot_size = batch->slot_size(),
          .prepare = [batch](Class of, Random& random,
                             std::span<std::byte> slot) { batch->prepare(of, random, slot); },
          .load = [batch](std::span<const std::byte> slot) { batch->load(slot); },
          .call = [batch] { return batch->call(); },
          .expected = batch->expected()};
}

std::vector<Experiment> aead_experiments(AeadEngine& engine) {
  std::vector<Experiment> all;
  for (const Suite suite : {Suite::chacha20_poly1305, Suite::aes128_gcm, Suite::aes256_gcm}) {
    all.push_back(aead_experiment(engine, {suite, Call::expand, Secret::key, kShapes.data()}));
    for (const Shape& shape : kShapes) {
      for (const auto& [call, secret] :
           {std::pair(Call::seal, Secret::key), std::pair(Call::seal, Secret::text),
            std::pair(Call::open, Secret::key), std::pair(Call::open, Secret::text),
            std::pair(Call::open, Secret::tag)}) {
        all.push_back(aead_experiment(engine, {suite, call, secret, &shape}));
      }
    }
  }
  return all;
}

}  // namespace gotthard::constant_time
