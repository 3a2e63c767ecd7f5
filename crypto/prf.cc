#include "crypto/prf.h"

#include <algorithm>

#include "crypto/algorithms.h"

namespace gotthard::crypto {

// T1 = prf(K, S | 0x01), T2 = prf(K, T1 | S | 0x02), and so on.
SecretBytes prf_plus(Digest function, std::span<const std::byte> key, Pieces seed,
                     std::size_t length) {
  require(length <= 255 * digest_size(function), "prf+: the output's length");
  std::size_t seed_size = 0;
  for (const auto piece : seed) {
    seed_size += piece.size();
  }
  SecretBytes whole_seed(seed_size);
  auto place = whole_seed.bytes().begin();
  for (const auto piece : seed) {
    place = std::ranges::copy(piece, place).out;
  }
  SecretBytes result(length);
  SecretBytes block;
  std::byte number{0};
  for (std::size_t done = 0; done < length; done += block.size()) {
    number = static_cast<std::byte>(static_cast<unsigned>(number) + 1);
    block = prf(function, key, {block.bytes(), whole_seed.bytes(), {&number, 1}});
    const std::size_t part = std::min(block.size(), length - done);
    std::ranges::copy(std::span<const std::byte>(block.bytes()).first(part),
                      result.bytes().subspan(done).begin());
  }
  return result;
}

}  // namespace gotthard::crypto
