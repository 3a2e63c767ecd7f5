#include "crypto/digest.h"

#include "crypto/algorithms.h"
#include "crypto/bytes.h"
#include "crypto/ike_algorithms.h"
#include "crypto/openssl.h"

namespace gotthard::crypto {

void hash(Digest digest, Pieces pieces, std::span<std::byte> out) noexcept {
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* method = ike_algorithms().digest[static_cast<std::size_t>(digest)];
  bool done = context != nullptr && out.size() == digest_size(digest) &&
              EVP_DigestInit_ex2(context.get(), method, nullptr) == 1;
  for (const auto piece : pieces) {
    done = done && EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1;
  }
  require(done && EVP_DigestFinal_ex(context.get(), raw(out.data()), nullptr) == 1, "a digest");
}

std::array<std::uint8_t, 20> sha1(Pieces pieces) noexcept {
  std::array<std::uint8_t, 20> result{};
  hash(Digest::sha1, pieces, writable_bytes_of(result));
  return result;
}

SecretBytes hmac(Digest digest, std::span<const std::byte> key, Pieces pieces) {
  static constexpr unsigned char kNothing = 0;  // an empty span may have no address
  SecretBytes result(digest_size(digest));
  const MacContext context(
      EVP_MAC_CTX_dup(ike_algorithms().hmac[static_cast<std::size_t>(digest)]));
  bool done =
      context != nullptr && EVP_MAC_init(context.get(), key.empty() ? &kNothing : raw(key.data()),
                                         key.size(), nullptr) == 1;
  for (const auto piece : pieces) {
    done = done &&
           (piece.empty() || EVP_MAC_update(context.get(), raw(piece.data()), piece.size()) == 1);
  }
  std::size_t length = 0;
  require(
      done &&
          EVP_MAC_final(context.get(), raw(result.bytes().data()), &length, result.size()) == 1 &&
          length == result.size(),
      "HMAC");
  return result;
}

}  // namespace gotthard::crypto
