#include "dataplane/manager/key_registry.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace gotthard::dataplane {
namespace {

constexpr unsigned kProbes = 8;
constexpr std::uint64_t kBitsPerKey = 32;

}  // namespace

KeyRegistry::KeyRegistry(crypto::Blake2sMac mac, crypto::Secret<32> hash_key,
                         std::size_t most_bytes)
    : mac_(std::move(mac)), hash_key_(std::move(hash_key)), most_bytes_(most_bytes) {}

bool KeyRegistry::admit(std::span<const std::byte> send, std::span<const std::byte> receive) {
  const Hash a = hash(send);
  const Hash b = hash(receive);
  if (a == b || seen(a) || seen(b)) {
    return false;
  }
  if (filters_.empty() && !add_filter(std::min(kFirstBytes, most_bytes_))) {
    return false;
  }
  remember(a);
  remember(b);
  return true;
}

// Probes are `step` apart (Kirsch and Mitzenmacher, 2006); as it is odd they all differ.
KeyRegistry::Hash KeyRegistry::hash(std::span<const std::byte> key) {
  const crypto::Mac mac = mac_.mac(hash_key_.bytes(), key);
  Hash hash{};
  std::memcpy(&hash.first, mac.data(), sizeof(hash.first));
  std::memcpy(&hash.step, mac.data() + sizeof(hash.first), sizeof(hash.step));
  hash.step |= 1;
  return hash;
}

bool KeyRegistry::seen(const Hash& hash) const {
  return std::any_of(filters_.begin(), filters_.end(), [&](const Filter& filter) {
    for (unsigned probe = 0; probe < kProbes; ++probe) {
      const std::uint64_t bit = (hash.first + probe * hash.step) & (filter.bits - 1);
      if ((filter.words[bit / 64] >> (bit % 64) & 1) == 0) {
        return false;
      }
    }
    return true;
  });
}

void KeyRegistry::remember(const Hash& hash) {
  if (filters_.back().keys >= filters_.back().bits / kBitsPerKey &&
      !add_filter(filters_.back().bits / 4) && !std::exchange(full_, true)) {
    log::event(log::Level::warning, log::Subsystem::dataplane, "key_registry_full",
               {{"sessions", keys_ / 2},
                {"warning",
                 "more and more new sessions will be refused by mistake: restart the "
                 "data plane when it suits"}});
  }
  Filter& filter = filters_.back();
  for (unsigned probe = 0; probe < kProbes; ++probe) {
    const std::uint64_t bit = (hash.first + probe * hash.step) & (filter.bits - 1);
    filter.words[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
  ++filter.keys;
  ++keys_;
}

bool KeyRegistry::add_filter(std::size_t bytes) {
  if (bytes > most_bytes_ - bytes_) {
    return false;
  }
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  Words words(static_cast<std::uint64_t*>(std::calloc(bytes / kWord, kWord)));
  if (words == nullptr) {
    return false;
  }
  filters_.push_back({.words = std::move(words), .bits = bytes * 8});
  bytes_ += bytes;
  return true;
}

}  // namespace gotthard::dataplane
