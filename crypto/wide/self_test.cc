#include "crypto/wide/self_test.h"

#include <algorithm>
#include <array>
#include <vector>

#include "crypto/portable/portable_aead.h"
#include "crypto/wide/wide_aead.h"

namespace gotthard::crypto::wide {
namespace {

constexpr std::size_t kPackets = 23;
constexpr std::size_t kLongest = 1420;

// Packets that get longer and longer, with some associated data each.
struct Packets {
  explicit Packets(const AeadKey& key) : bytes(kPackets * (kLongest + kMaxTagSize)) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::byte>(i * 7);
    }
    for (std::size_t i = 0; i < kPackets; ++i) {
      std::byte* text = &bytes[i * (kLongest + kMaxTagSize)];
      const std::size_t length = i * kLongest / (kPackets - 1);
      jobs[i] = {.key = &key,
                 .text = text,
                 .length = static_cast<std::uint32_t>(length),
                 .aad_length = static_cast<std::uint32_t>(i % 3 * 4),
                 .aad = aad.data(),
                 .tag = text + length};
      jobs[i].nonce.fill(static_cast<std::uint8_t>(i));
    }
  }

  std::vector<std::byte> bytes;
  std::array<std::byte, 12> aad{};
  std::array<AeadJob, kPackets> jobs;
};

bool works(WideAead& aead, PortableAead& oracle, Suite suite) {
  std::array<std::byte, kMaxKeySize> raw_key;
  raw_key.fill(std::byte{0x5c});
  const auto material = std::span(raw_key).first(key_size(suite));
  AeadKey ours;
  AeadKey theirs;
  aead.expand(suite, material, ours);
  PortableAead::expand(suite, material, theirs);
  Packets packets(ours);
  Packets expected(theirs);
  const std::vector<std::byte> plain = packets.bytes;
  aead.seal(packets.jobs);
  oracle.seal(expected.jobs);
  if (packets.bytes != expected.bytes) {
    return false;
  }
  packets.jobs[3].tag[15] ^= std::byte{1};
  const std::uint64_t all = (std::uint64_t{1} << kPackets) - 1;
  if (aead.open(packets.jobs) != (all ^ 8)) {
    return false;
  }
  for (std::size_t i = 0; i < kPackets; ++i) {
    const AeadJob& job = packets.jobs[i];
    if (i != 3 && !std::equal(job.text, job.text + job.length,
                              &plain[static_cast<std::size_t>(job.text - packets.bytes.data())])) {
      return false;
    }
  }
  return true;
}

}  // namespace

Status self_test(WideAead& aead) {
  Result<PortableAead> oracle = PortableAead::create();
  if (!oracle) {
    return tl::unexpected(oracle.error());
  }
  for (const Suite suite : {Suite::chacha20_poly1305, Suite::aes128_gcm, Suite::aes192_gcm,
                            Suite::aes256_gcm, Suite::aes128_gmac}) {
    if (!works(aead, *oracle, suite)) {
      return fail("an AEAD kernel computes wrong results on this CPU; use --aead ipsec_mb");
    }
  }
  return {};
}

}  // namespace gotthard::crypto::wide
