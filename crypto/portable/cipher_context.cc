#include "crypto/portable/cipher_context.h"

#include <array>
#include <utility>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"

namespace gotthard::crypto {

Result<CipherContext> CipherContext::create(const EVP_CIPHER* cipher) {
  CipherContext result(cipher != nullptr ? EVP_CIPHER_CTX_new() : nullptr);
  // Padding is the protocol's own.
  if (result.context_ == nullptr ||
      EVP_CipherInit_ex2(result.context_.get(), cipher, nullptr, nullptr, 1, nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(result.context_.get(), 0) != 1) {
    return fail("OpenSSL makes no AES context; check its configuration and free memory");
  }
  return result;
}

EVP_CIPHER_CTX* CipherContext::start(const void* owner, std::span<const std::byte> key,
                                     Direction direction, const unsigned char* iv) noexcept {
  const bool expanded = owner == owner_ && direction == direction_;
  owner_ = owner;
  direction_ = direction;
  const int encrypts = direction == Direction::seal ? 1 : 0;
  if (EVP_CipherInit_ex2(context_.get(), nullptr, expanded ? nullptr : raw(key.data()), iv,
                         encrypts, nullptr) != 1) {
    owner_ = nullptr;
    return nullptr;
  }
  return context_.get();
}

void CipherContext::forget() noexcept {
  if (std::exchange(owner_, nullptr) != nullptr) {
    static constexpr std::array<unsigned char, 32> kNothing{};
    require(EVP_CipherInit_ex2(context_.get(), nullptr, kNothing.data(), nullptr, -1, nullptr) == 1,
            "EVP_CipherInit_ex2");
  }
}

}  // namespace gotthard::crypto
