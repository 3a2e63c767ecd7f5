// The suites once more, from one-shot calls of libsodium and OpenSSL, each as its RFC says: what
// every backend is compared with.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include "crypto/bytes.h"
#include "crypto/suite.h"
#include "tests/unit/crypto_testing.h"

namespace gotthard::crypto::testing {

struct Sealed {
  Bytes iv;  // what seal writes before the text; of CBC only
  Bytes text;
  Bytes tag;
};

inline Bytes part(const Bytes& bytes, std::size_t offset, std::size_t count) {
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

inline Bytes join(std::initializer_list<Bytes> parts) {
  Bytes result;
  for (const Bytes& bytes : parts) {
    result.insert(result.end(), bytes.begin(), bytes.end());
  }
  return result;
}

// A new context for each call, as OpenSSL's manual has it.
inline Bytes openssl_encrypt(const char* cipher, const Bytes& key, const Bytes& iv,
                             const Bytes& aad, const Bytes& plain, Bytes* tag) {
  Bytes out(plain.size());
  int done = 0;
  EVP_CIPHER* fetched = EVP_CIPHER_fetch(nullptr, cipher, nullptr);
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EXPECT_EQ(EVP_EncryptInit_ex2(context, fetched, raw(key.data()), raw(iv.data()), nullptr), 1);
  EVP_CIPHER_CTX_set_padding(context, 0);
  if (!aad.empty()) {
    EXPECT_EQ(
        EVP_EncryptUpdate(context, nullptr, &done, raw(aad.data()), static_cast<int>(aad.size())),
        1);
  }
  if (!plain.empty()) {
    EXPECT_EQ(EVP_EncryptUpdate(context, raw(out.data()), &done, raw(plain.data()),
                                static_cast<int>(plain.size())),
              1);
  }
  EXPECT_EQ(EVP_EncryptFinal_ex(context, nullptr, &done), 1);
  if (tag != nullptr) {
    tag->resize(16);
    EXPECT_EQ(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag->data()), 1);
  }
  EVP_CIPHER_CTX_free(context);
  EVP_CIPHER_free(fetched);
  return out;
}

inline Bytes hmac(std::size_t digest, const Bytes& key, const Bytes& message) {
  const EVP_MD* md = digest == 32 ? EVP_sha256() : digest == 48 ? EVP_sha384() : EVP_sha512();
  Bytes out(digest);
  unsigned length = 0;
  HMAC(md, key.data(), static_cast<int>(key.size()), raw(message.data()), message.size(),
       raw(out.data()), &length);
  EXPECT_EQ(length, digest);
  return out;
}

inline std::string aes(Suite suite, const char* mode) {
  return "AES-" + std::to_string(cipher_key_size(suite) * 8) + mode;
}

// RFC 3602 and RFC 4868, with the IV of NIST SP 800-38A, appendix C.
inline Sealed cbc_hmac_seal(Suite suite, const Bytes& key, const Bytes& nonce, const Bytes& aad,
                            const Bytes& plain) {
  const Bytes cipher_key = part(key, 0, cipher_key_size(suite));
  const Bytes mac_key = part(key, cipher_key_size(suite), mac_key_size(suite));
  Sealed sealed;
  sealed.iv = openssl_encrypt(aes(suite, "-ECB").c_str(), cipher_key, {}, {},
                              join({nonce, Bytes(4)}), nullptr);
  sealed.text =
      openssl_encrypt(aes(suite, "-CBC").c_str(), cipher_key, sealed.iv, {}, plain, nullptr);
  const Bytes covered =
      aad.size() == 8
          ? join({aad, sealed.iv, sealed.text})
          : join({part(aad, 0, 4), part(aad, 8, 4), sealed.iv, sealed.text, part(aad, 4, 4)});
  sealed.tag = part(hmac(mac_key.size(), mac_key, covered), 0, tag_size(suite));
  return sealed;
}

inline Sealed reference_seal(Suite suite, const Bytes& key, const Bytes& nonce, const Bytes& aad,
                             const Bytes& plain) {
  Sealed sealed;
  switch (family_of(suite)) {
    case Family::chacha20_poly1305: {
      Bytes out(plain.size() + 16);
      crypto_aead_chacha20poly1305_ietf_encrypt(raw(out.data()), nullptr, raw(plain.data()),
                                                plain.size(), raw(aad.data()), aad.size(), nullptr,
                                                raw(nonce.data()), raw(key.data()));
      sealed.text = part(out, 0, plain.size());
      sealed.tag = part(out, plain.size(), 16);
      break;
    }
    case Family::aes_gcm:
      sealed.text =
          openssl_encrypt(aes(suite, "-GCM").c_str(), key, nonce, aad, plain, &sealed.tag);
      break;
    case Family::aes_gmac:  // RFC 4543, section 3
      sealed.text = plain;
      openssl_encrypt(aes(suite, "-GCM").c_str(), key, nonce, join({aad, part(nonce, 4, 8), plain}),
                      {}, &sealed.tag);
      break;
    case Family::aes_cbc_hmac:
      return cbc_hmac_seal(suite, key, nonce, aad, plain);
  }
  return sealed;
}

}  // namespace gotthard::crypto::testing
