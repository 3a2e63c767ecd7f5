// OpenSSL's contexts for one cipher, as an engine holds them. OpenSSL keeps a key's schedule in the
// context, which it allocates and which no two threads may use; a key that all workers share cannot
// hold one. So the schedule in AeadKey is the key itself, and a context expands it when the key of
// a packet is another than that of the one before: nothing is allocated on the way.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"

namespace gotthard::crypto {

enum class Direction : std::uint8_t { seal, open };

class CipherContext {
 public:
  // An error when `cipher` was not found or there is no memory.
  static Result<CipherContext> create(const EVP_CIPHER* cipher);

  // The context with `key` expanded for `direction` and with `iv`. `owner` stands for the key: the
  // next call with the same one expands nothing. Null when the library refuses.
  [[nodiscard]] EVP_CIPHER_CTX* start(const void* owner, std::span<const std::byte> key,
                                      Direction direction, const unsigned char* iv) noexcept;

  // Overwrites the schedule. Called before an engine returns: the key may be gone by its next call,
  // and another be in its place.
  void forget() noexcept;

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
  };
  explicit CipherContext(EVP_CIPHER_CTX* context) : context_(context) {}

  std::unique_ptr<EVP_CIPHER_CTX, Free> context_;
  const void* owner_ = nullptr;
  Direction direction_ = Direction::seal;
};

}  // namespace gotthard::crypto
