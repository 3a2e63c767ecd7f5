#include "crypto/message_cipher.h"

#include <algorithm>
#include <array>

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/ike_algorithms.h"
#include "crypto/openssl.h"

namespace gotthard::crypto {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kSaltSize = 4;
constexpr int kNonceSize = 12;

const EVP_CIPHER* cipher_of(const MessageSuite& suite) {
  const std::size_t which = suite.key_size / 8 - 2;
  require(suite.key_size % 8 == 0 && which < 3, "a message suite's key length");
  switch (suite.algorithm) {
    case MessageAlgorithm::aes_gcm_16:
      return ike_algorithms().aes_gcm[which];
    case MessageAlgorithm::chacha20_poly1305:
      require(suite.key_size == 32, "a message suite's key length");
      return ike_algorithms().chacha20_poly1305;
    case MessageAlgorithm::aes_cbc:
      break;
  }
  return ike_algorithms().aes_cbc[which];
}

void check_keys(const MessageSuite& suite, const MessageKeys& keys) {
  require(keys.encryption.size() == suite.encryption_key_size() &&
              keys.integrity.size() == suite.integrity_key_size(),
          "a message cipher's keys: their length");
}

int length_of(Bytes bytes) { return static_cast<int>(bytes.size()); }

// A context with key and nonce; RFC 5282, section 4: the nonce is salt | IV.
CipherContext start(const MessageSuite& suite, const MessageKeys& keys, Bytes iv, bool encrypt) {
  CipherContext context(EVP_CIPHER_CTX_new());
  const Bytes key = keys.encryption.bytes();
  std::array<unsigned char, 16> nonce{};
  int nonce_size = length_of(iv);
  if (suite.is_aead()) {
    const auto salt = key.last(kSaltSize);
    std::ranges::transform(
        iv,
        std::ranges::transform(salt, nonce.begin(),
                               [](std::byte b) { return static_cast<unsigned char>(b); })
            .out,
        [](std::byte b) { return static_cast<unsigned char>(b); });
    nonce_size = kNonceSize;
  } else {
    std::copy(iv.begin(), iv.end(), reinterpret_cast<std::byte*>(nonce.data()));
  }
  bool done = context != nullptr && EVP_CipherInit_ex2(context.get(), cipher_of(suite), nullptr,
                                                       nullptr, encrypt ? 1 : 0, nullptr) == 1;
  if (suite.is_aead()) {
    done = done &&
           EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, nonce_size, nullptr) == 1;
  }
  done = done && EVP_CipherInit_ex2(context.get(), nullptr, raw(key.data()), nonce.data(), -1,
                                    nullptr) == 1;
  done = done && (suite.is_aead() || EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1);
  require(done, "a message cipher");
  return context;
}

bool update(EVP_CIPHER_CTX* context, Bytes in, std::byte* out) {
  int length = 0;
  return in.empty() || (EVP_CipherUpdate(context, out != nullptr ? raw(out) : nullptr, &length,
                                         raw(in.data()), length_of(in)) == 1 &&
                        length == length_of(in));
}

bool finish(EVP_CIPHER_CTX* context) {
  std::array<unsigned char, 16> nothing{};
  int length = 0;
  return EVP_CipherFinal_ex(context, nothing.data(), &length) == 1 && length == 0;
}

// RFC 7296, section 3.14: over the message from its first byte up to the checksum.
SecretBytes checksum(const MessageSuite& suite, const MessageKeys& keys, Bytes before,
                     Bytes iv_and_text) {
  return hmac(suite.integrity, keys.integrity.bytes(), {before, iv_and_text});
}

}  // namespace

std::vector<std::byte> seal_message(const MessageSuite& suite, const MessageKeys& keys, Bytes iv,
                                    Bytes before, Bytes plaintext) {
  check_keys(suite, keys);
  require(iv.size() == suite.iv_size() && plaintext.size() % suite.block_size() == 0,
          "seal_message: a length");
  std::vector<std::byte> out(iv.size() + plaintext.size() + suite.icv_size());
  std::ranges::copy(iv, out.begin());
  std::byte* const text = out.data() + iv.size();
  std::byte* const icv = text + plaintext.size();
  const CipherContext context = start(suite, keys, iv, true);
  if (suite.is_aead()) {
    require(update(context.get(), before, nullptr) && update(context.get(), plaintext, text) &&
                finish(context.get()) &&
                EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG,
                                    static_cast<int>(suite.icv_size()), icv) == 1,
            "seal_message");
    return out;
  }
  require(update(context.get(), plaintext, text) && finish(context.get()), "seal_message");
  const SecretBytes mac =
      checksum(suite, keys, before, Bytes(out).first(iv.size() + plaintext.size()));
  std::copy_n(mac.bytes().begin(), suite.icv_size(), icv);
  return out;
}

std::optional<std::vector<std::byte>> open_message(const MessageSuite& suite,
                                                   const MessageKeys& keys, Bytes before,
                                                   Bytes sealed) {
  check_keys(suite, keys);
  const std::size_t around = suite.iv_size() + suite.icv_size();
  if (sealed.size() < around || (sealed.size() - around) % suite.block_size() != 0) {
    return std::nullopt;
  }
  const Bytes iv = sealed.first(suite.iv_size());
  const Bytes icv = sealed.last(suite.icv_size());
  const Bytes text = sealed.subspan(iv.size(), sealed.size() - around);
  if (!suite.is_aead()) {
    const SecretBytes mac = checksum(suite, keys, before, sealed.first(iv.size() + text.size()));
    if (!equal(Bytes(mac.bytes()).first(icv.size()), icv)) {
      return std::nullopt;
    }
  }
  const CipherContext context = start(suite, keys, iv, false);
  std::vector<std::byte> out(text.size());
  if (suite.is_aead()) {
    std::array<unsigned char, 16> tag{};
    std::copy(icv.begin(), icv.end(), reinterpret_cast<std::byte*>(tag.data()));
    require(update(context.get(), before, nullptr) &&
                EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG,
                                    static_cast<int>(tag.size()), tag.data()) == 1,
            "open_message");
  }
  if (!update(context.get(), text, out.data()) || !finish(context.get())) {
    wipe(out);
    return std::nullopt;
  }
  return out;
}

}  // namespace gotthard::crypto
