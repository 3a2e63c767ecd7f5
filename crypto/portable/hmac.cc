// OpenSSL 3 would have everyone use EVP.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/portable/hmac.h"

#include <algorithm>
#include <functional>

#include "crypto/bytes.h"
#include "crypto/secret.h"

namespace gotthard::crypto {
namespace {

// The calls of a hash; none of them fails.
struct Sha256 {
  using State = SHA256_CTX;
  static constexpr std::size_t kBlock = SHA256_CBLOCK;
  static constexpr auto kInit = SHA256_Init;
  static constexpr auto kUpdate = SHA256_Update;
  static constexpr auto kFinal = SHA256_Final;
};
struct Sha384 {
  using State = SHA512_CTX;
  static constexpr std::size_t kBlock = SHA512_CBLOCK;
  static constexpr auto kInit = SHA384_Init;
  static constexpr auto kUpdate = SHA384_Update;
  static constexpr auto kFinal = SHA384_Final;
};
struct Sha512 : Sha384 {
  static constexpr auto kInit = SHA512_Init;
  static constexpr auto kUpdate = SHA512_Update;
  static constexpr auto kFinal = SHA512_Final;
};

template <typename Hash>
void expand(std::span<const std::byte> key, std::array<typename Hash::State, 2>& states) {
  constexpr std::array kPads{std::byte{0x36}, std::byte{0x5c}};
  for (std::size_t i = 0; i < states.size(); ++i) {
    Secret<Hash::kBlock> block;
    std::fill(block.bytes().begin(), block.bytes().end(), kPads[i]);
    std::transform(key.begin(), key.end(), block.bytes().begin(), block.bytes().begin(),
                   std::bit_xor<>());
    Hash::kInit(&states[i]);
    Hash::kUpdate(&states[i], block.bytes().data(), Hash::kBlock);
  }
}

template <typename Hash>
HmacDigest mac(const std::array<typename Hash::State, 2>& states, std::size_t size,
               std::span<const std::span<const std::byte>> parts) {
  HmacDigest digest{};
  auto running = states;
  for (const auto& part : parts) {
    Hash::kUpdate(running.data(), part.data(), part.size());
  }
  Hash::kFinal(raw(digest.data()), running.data());
  Hash::kUpdate(&running[1], digest.data(), size);
  Hash::kFinal(raw(digest.data()), &running[1]);
  wipe(std::as_writable_bytes(std::span(running)));
  return digest;
}

}  // namespace

void expand_hmac(Sha2 hash, std::span<const std::byte> key, HmacKey& out) noexcept {
  out.hash = hash;
  switch (hash) {
    case Sha2::sha256:
      return expand<Sha256>(key, out.small);
    case Sha2::sha384:
      return expand<Sha384>(key, out.large);
    case Sha2::sha512:
      return expand<Sha512>(key, out.large);
  }
}

HmacDigest hmac(const HmacKey& key, std::span<const std::span<const std::byte>> parts) noexcept {
  const std::size_t size = digest_size(key.hash);
  switch (key.hash) {
    case Sha2::sha256:
      return mac<Sha256>(key.small, size, parts);
    case Sha2::sha384:
      return mac<Sha384>(key.large, size, parts);
    case Sha2::sha512:
      return mac<Sha512>(key.large, size, parts);
  }
  return {};
}

}  // namespace gotthard::crypto
