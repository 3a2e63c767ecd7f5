// What a batch is made of: expanded keys and jobs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/secret.h"

namespace gotthard::crypto {

enum class Suite : std::uint8_t { chacha20_poly1305 };

[[nodiscard]] constexpr std::size_t key_size(Suite) { return 32; }
// Bytes that the largest expanded key takes, whatever the suite.
inline constexpr std::size_t kMaxKeySchedule = 32;
inline constexpr std::size_t kMaxBatch = 64;

// A key as the backend wants it, expanded once when a session is installed. Its address stays: it
// lives inside the session, written by the manager before publication and wiped by it after the
// last reader has gone.
class AeadKey {
 public:
  AeadKey() noexcept = default;
  AeadKey(const AeadKey&) = delete;
  AeadKey& operator=(const AeadKey&) = delete;

  [[nodiscard]] Suite suite() const noexcept { return suite_; }
  [[nodiscard]] std::span<const std::byte> schedule() const noexcept { return schedule_.bytes(); }
  void wipe() noexcept { schedule_.wipe(); }

 private:
  friend class PortableAead;
  friend class IpsecMbAead;

  alignas(64) Secret<kMaxKeySchedule> schedule_;
  Suite suite_ = Suite::chacha20_poly1305;
};

// One packet. The bytes of `text` are replaced (never null, even for none of them); `tag` (16 bytes
// anywhere, beside the text as a rule) is written by seal and read by open.
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
