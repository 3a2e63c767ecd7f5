#include "crypto/handshake_aead.h"

#include <sodium.h>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/secret.h"

namespace gotthard::crypto {

namespace {

std::array<std::uint8_t, 12> noise_nonce(std::uint64_t counter) {
  std::array<std::uint8_t, 12> nonce{};
  for (std::size_t i = 0; i < 8; ++i) {
    nonce[4 + i] = static_cast<std::uint8_t>(counter >> (8 * i));
  }
  return nonce;
}

bool fits(std::span<const std::byte> text, std::span<const std::byte> sealed) {
  return sealed.size() >= kTagSize && sealed.size() - kTagSize == text.size();
}

}  // namespace

void seal(std::span<const std::byte, 32> key, std::uint64_t counter,
          std::span<const std::byte> plaintext, std::span<const std::byte> aad,
          std::span<std::byte> out) noexcept {
  require(fits(plaintext, out), "seal: the output's length");
  crypto_aead_chacha20poly1305_ietf_encrypt(raw(out.data()), nullptr, raw(plaintext.data()),
                                            plaintext.size(), raw(aad.data()), aad.size(), nullptr,
                                            noise_nonce(counter).data(), raw(key.data()));
}

bool open(std::span<const std::byte, 32> key, std::uint64_t counter,
          std::span<const std::byte> sealed, std::span<const std::byte> aad,
          std::span<std::byte> out) noexcept {
  if (fits(out, sealed) &&
      crypto_aead_chacha20poly1305_ietf_decrypt(
          raw(out.data()), nullptr, nullptr, raw(sealed.data()), sealed.size(), raw(aad.data()),
          aad.size(), noise_nonce(counter).data(), raw(key.data())) == 0) {
    return true;
  }
  wipe(out);
  return false;
}

void xseal(std::span<const std::byte, 32> key, const XNonce& nonce,
           std::span<const std::byte> plaintext, std::span<const std::byte> aad,
           std::span<std::byte> out) noexcept {
  require(fits(plaintext, out), "xseal: the output's length");
  crypto_aead_xchacha20poly1305_ietf_encrypt(raw(out.data()), nullptr, raw(plaintext.data()),
                                             plaintext.size(), raw(aad.data()), aad.size(), nullptr,
                                             nonce.data(), raw(key.data()));
}

bool xopen(std::span<const std::byte, 32> key, const XNonce& nonce,
           std::span<const std::byte> sealed, std::span<const std::byte> aad,
           std::span<std::byte> out) noexcept {
  if (fits(out, sealed) && crypto_aead_xchacha20poly1305_ietf_decrypt(
                               raw(out.data()), nullptr, nullptr, raw(sealed.data()), sealed.size(),
                               raw(aad.data()), aad.size(), nonce.data(), raw(key.data())) == 0) {
    return true;
  }
  wipe(out);
  return false;
}

}  // namespace gotthard::crypto
