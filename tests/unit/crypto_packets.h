// Packets to seal and open, each in a buffer of its own with guards around, and batches of them.
#pragma once

#include <deque>
#include <string>
#include <tuple>
#include <vector>

#include "crypto/aead.h"
#include "tests/unit/crypto_reference.h"
#include "tests/unit/crypto_testing.h"

namespace gotthard::crypto::testing {

inline std::vector<Suite> all_suites() {
  std::vector<Suite> suites;
  for (std::size_t i = 0; i < kSuites; ++i) {
    suites.push_back(static_cast<Suite>(i));
  }
  return suites;
}

inline std::string name_of(Suite suite) {
  constexpr std::array kNames{"chacha20_poly1305",
                              "aes128_gcm",
                              "aes192_gcm",
                              "aes256_gcm",
                              "aes128_gmac",
                              "aes192_gmac",
                              "aes256_gmac",
                              "aes128_cbc_hmac_sha256_128",
                              "aes128_cbc_hmac_sha384_192",
                              "aes128_cbc_hmac_sha512_256",
                              "aes192_cbc_hmac_sha256_128",
                              "aes192_cbc_hmac_sha384_192",
                              "aes192_cbc_hmac_sha512_256",
                              "aes256_cbc_hmac_sha256_128",
                              "aes256_cbc_hmac_sha384_192",
                              "aes256_cbc_hmac_sha512_256"};
  static_assert(kNames.size() == kSuites);
  return kNames[static_cast<std::size_t>(suite)];
}

constexpr std::size_t kGuard = 8;
constexpr std::byte kGuardByte{0xa5};

// As ESP lays it out, at any alignment: header, IV, text, tag.
struct Packet {
  // Lengths that the suite does not take become the nearest that it does.
  Packet(Generator& generator, Suite sealed_with, const Bytes& key, std::size_t length,
         std::size_t aad_length)
      : suite(sealed_with),
        raw_key(key),
        plain(generator.bytes(length / text_alignment(suite) * text_alignment(suite))),
        aad(generator.bytes(is_cbc() ? (aad_length % 2 == 0 ? 8 : 12) : aad_length)),
        nonce(generator.bytes(12)),
        header(generator.bytes(8)),
        start(kGuard + generator.below(64) + header.size() + kMaxIvSize),
        buffer(start + plain.size() + tag_size(suite) + kGuard, kGuardByte) {
    put(start - kMaxIvSize - header.size(), header);
    put(start, plain);
  }

  AeadJob job(const AeadKey& key) {
    return {.key = &key,
            .text = buffer.data() + start,
            .length = static_cast<std::uint32_t>(plain.size()),
            .aad_length = static_cast<std::uint32_t>(aad.size()),
            .nonce = array_of<12>(nonce),
            .aad = aad.empty() ? nullptr : aad.data(),
            .tag = buffer.data() + start + plain.size()};
  }
  [[nodiscard]] Bytes text() const { return part(buffer, start, plain.size()); }
  // What a peer sees; the IV is zero when the suite writes none.
  [[nodiscard]] Bytes iv_text_and_tag() const {
    return join({is_cbc() ? part(buffer, start - kMaxIvSize, kMaxIvSize) : Bytes{},
                 part(buffer, start, plain.size() + tag_size(suite))});
  }
  [[nodiscard]] Bytes expected() const {
    const Sealed sealed = reference_seal(suite, raw_key, nonce, aad, plain);
    return join({sealed.iv, sealed.text, sealed.tag});
  }
  // Nothing but IV, text and tag is written.
  [[nodiscard]] bool surroundings_intact() const {
    const std::size_t before = start - kMaxIvSize - header.size();
    return part(buffer, 0, before) == Bytes(before, kGuardByte) &&
           part(buffer, before, header.size()) == header &&
           (is_cbc() ||
            part(buffer, start - kMaxIvSize, kMaxIvSize) == Bytes(kMaxIvSize, kGuardByte)) &&
           part(buffer, buffer.size() - kGuard, kGuard) == Bytes(kGuard, kGuardByte);
  }
  [[nodiscard]] bool is_cbc() const { return family_of(suite) == Family::aes_cbc_hmac; }

  Suite suite;
  Bytes raw_key;
  Bytes plain;
  Bytes aad;
  Bytes nonce;
  Bytes header;
  std::size_t start;
  Bytes buffer;

 private:
  void put(std::size_t offset, const Bytes& bytes) {
    std::copy(bytes.begin(), bytes.end(), buffer.begin() + static_cast<std::ptrdiff_t>(offset));
  }
};

// Packets that are sealed and opened in one call each. Keys, and the suites of keys, are mixed
// within the batch.
class Batch {
 public:
  Batch(AeadEngine& engine, const std::vector<Suite>& suites, std::size_t keys_of_each)
      : engine_(&engine) {
    for (std::size_t i = 0; i < keys_of_each * suites.size(); ++i) {
      Key& key = keys_.emplace_back();
      key.suite = suites[i % suites.size()];
      key.raw = generator.bytes(key_size(key.suite));
      EXPECT_TRUE(engine.expand(key.suite, key.raw, key.expanded));
    }
  }

  void add(std::size_t length, std::size_t aad_length) {
    const Key& key = keys_[packets.size() % keys_.size()];
    packets.emplace_back(generator, key.suite, key.raw, length, aad_length);
  }
  [[nodiscard]] const AeadKey& key_of(std::size_t packet) const {
    return keys_[packet % keys_.size()].expanded;
  }
  std::vector<AeadJob> jobs() {
    std::vector<AeadJob> result;
    for (std::size_t i = 0; i < packets.size(); ++i) {
      result.push_back(packets[i].job(key_of(i)));
    }
    return result;
  }
  // Seals all packets in one call, compares each with the reference, opens them, and starts over.
  void check() {
    const auto batch = jobs();
    engine_->seal(batch);
    for (const Packet& packet : packets) {
      ASSERT_EQ(packet.iv_text_and_tag(), packet.expected()) << packet.plain.size();
      ASSERT_TRUE(packet.surroundings_intact()) << packet.plain.size();
    }
    for (std::size_t first = 0; first < batch.size(); first += kMaxBatch) {
      const std::size_t count = std::min(kMaxBatch, batch.size() - first);
      ASSERT_EQ(engine_->open(std::span(batch).subspan(first, count)), all(count));
    }
    for (const Packet& packet : packets) {
      ASSERT_EQ(packet.text(), packet.plain) << packet.plain.size();
      ASSERT_TRUE(packet.surroundings_intact()) << packet.plain.size();
    }
    packets.clear();
  }
  static std::uint64_t all(std::size_t count) {
    return count == 0 ? 0 : ~std::uint64_t{0} >> (64 - count);
  }

  Generator generator{6};
  std::deque<Packet> packets;

 private:
  struct Key {
    Suite suite;
    Bytes raw;
    AeadKey expanded;
  };

  AeadEngine* engine_;
  std::deque<Key> keys_;
};

}  // namespace gotthard::crypto::testing
