// What a batch is made of: expanded keys and jobs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "crypto/secret.h"
#include "crypto/suite.h"

namespace gotthard::crypto {

// The largest key schedule of any backend and suite: AES round keys and powers of GHASH's key, in
// 1,088 bytes ours and in 1,264 those of ipsec-mb 2.0.
inline constexpr std::size_t kMaxKeySchedule = 1280;
inline constexpr std::size_t kMaxBatch = 64;
// No IP packet holds a longer text.
inline constexpr std::size_t kMaxText = 65'504;

// A key as the backend wants it, expanded once when a session is installed. Its address stays: it
// lives inside the session, written by the manager before publication and wiped by it after the
// last reader has gone. In between workers only read it.
//   line 0      the suite, and a schedule that fits beside it: ChaCha20's key
//   line 1...   any larger schedule
class AeadKey {
 public:
  AeadKey() noexcept = default;
  AeadKey(const AeadKey&) = delete;
  AeadKey& operator=(const AeadKey&) = delete;

  [[nodiscard]] Suite suite() const noexcept { return suite_; }

  // The schedule in the form of a backend, which knows what it wrote.
  template <typename Schedule>
  [[nodiscard]] const Schedule& schedule() const noexcept {
    return *reinterpret_cast<const Schedule*>(place<Schedule>(*this));
  }
  // For backends: where to write it.
  template <typename Schedule>
  [[nodiscard]] Schedule& set(Suite suite) noexcept {
    wipe();
    suite_ = suite;
    return *reinterpret_cast<Schedule*>(place<Schedule>(*this));
  }
  void wipe() noexcept {
    small_.wipe();
    large_.wipe();
  }

 private:
  static constexpr std::size_t kSmall = 32;

  template <typename Schedule, typename Key>
  static auto place(Key& key) noexcept {
    static_assert(std::is_trivial_v<Schedule> && alignof(Schedule) <= 64 &&
                  sizeof(Schedule) <= kMaxKeySchedule);
    if constexpr (sizeof(Schedule) <= kSmall && alignof(Schedule) <= kSmall) {
      return key.small_.bytes().data();
    } else {
      return key.large_.bytes().data();
    }
  }

  alignas(64) Suite suite_ = Suite::chacha20_poly1305;
  alignas(kSmall) Secret<kSmall> small_;
  alignas(64) Secret<kMaxKeySchedule> large_;
};

// One packet. Its text is replaced in place; it is never null, even for none of its bytes, and at
// most kMaxText bytes long. The tag, tag_size() bytes anywhere (beside the text as a rule), is
// written by seal and read by open.
//
// `aad` is what RFC 4106, section 5, calls so: SPI and sequence number (8 bytes), or SPI and
// extended sequence number (12: SPI, high half, low half). WireGuard has none. ChaCha20-Poly1305
// and GCM take any.
//
// `nonce` is never used twice under a key. ESP makes it of the salt and the 8 bytes of IV that its
// packet carries, which the caller writes there.
//
// GMAC's text stays as it is; the tag covers aad, the IV (the nonce's last 8 bytes) and text.
//
// CBC with HMAC: the text's length is a multiple of 16, and the packet lies as in RFC 4303: header
// (8 bytes, of which a backend may make use while it works: they come back as they were), IV (16),
// text, tag. `aad` is one of the two of above and is put in that RFC's order: SPI, low half, IV,
// text, and after it the high half if there is one. seal writes the IV, unpredictable as in NIST SP
// 800-38A, appendix C: the nonce, with zeroes after it, through the forward cipher. open reads it,
// and nothing is decrypted before the tag was found right.
struct AeadJob {
  const AeadKey* key = nullptr;
  std::byte* text = nullptr;
  std::uint32_t length = 0;
  std::uint32_t aad_length = 0;
  std::array<std::uint8_t, 12> nonce{};
  const std::byte* aad = nullptr;
  std::byte* tag = nullptr;
};

}  // namespace gotthard::crypto
