// Every session key that was ever installed in this process: a key that comes again would come with
// a counter that starts again. A chain of Bloom filters over keyed hashes: a key that was installed
// is never admitted again, a fresh one is refused by mistake now and then, and control makes
// another handshake.
//
// Memory: four bytes a key, in filters each twice as large as the one before, from 256 KiB to
// 1 GiB in all. A thousand peers that rekey every two minutes take 5.8 MB a day. Up to then one
// session in 7,000 at most is refused by mistake. From then on (134 million sessions; half a year
// of a thousand peers) the last filter alone goes on filling: one in 900 after 67 million more, one
// in 20 after 200 million, one in two after 470 million. The manager's log tells when it begins, as
// the data plane should be restarted by and by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "crypto/hash.h"
#include "crypto/secret.h"

namespace gotthard::dataplane {

class KeyRegistry {
 public:
  static constexpr std::size_t kFirstBytes = std::size_t{256} << 10;
  static constexpr std::size_t kMostBytes = std::size_t{1} << 30;

  KeyRegistry(crypto::Blake2sMac mac, crypto::Secret<32> hash_key,
              std::size_t most_bytes = kMostBytes);

  // False when either key was seen before, as either direction's, or both are the same; else both
  // are remembered.
  [[nodiscard]] bool admit(std::span<const std::byte> send, std::span<const std::byte> receive);

  [[nodiscard]] std::uint64_t keys() const { return keys_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  // Sparse until it is filled: untouched pages of calloc are the kernel's.
  struct Free {
    void operator()(std::uint64_t* words) const { std::free(words); }
  };
  using Words = std::unique_ptr<std::uint64_t[], Free>;
  struct Filter {
    Words words;
    std::size_t bits = 0;  // a power of two
    std::uint64_t keys = 0;
  };
  struct Hash {
    std::uint64_t first, step;
    bool operator==(const Hash&) const = default;
  };

  [[nodiscard]] Hash hash(std::span<const std::byte> key);
  [[nodiscard]] bool seen(const Hash& hash) const;
  void remember(const Hash& hash);
  [[nodiscard]] bool add_filter(std::size_t bytes);

  crypto::Blake2sMac mac_;
  crypto::Secret<32> hash_key_;
  std::size_t most_bytes_;
  std::vector<Filter> filters_;
  std::size_t bytes_ = 0;
  std::uint64_t keys_ = 0;
  bool full_ = false;
};

}  // namespace gotthard::dataplane
