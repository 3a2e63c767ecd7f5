// Encrypted payloads and encrypted fragments (RFC 7296, section 3.14; RFC 7383, section 2.5) as
// they are on the wire; control/ike/keys/protection.h opens and seals them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "control/ike/message/chain.h"

namespace gotthard::ike {

// What a message may grow to when it is put together, and how many pieces it may come in.
inline constexpr std::size_t kMaxMessage = 65536;
inline constexpr std::uint16_t kMaxFragments = 128;

// Initialisation vector, ciphertext and integrity checksum, as the keys in use divide it.
struct Sealed {
  PayloadType first_inside = PayloadType::none;  // zero in all fragments but the first
  std::uint16_t number = 0;                      // from 1; 0: a whole Encrypted payload
  std::uint16_t total = 0;
  Bytes text;
  [[nodiscard]] bool is_fragment() const { return number != 0; }
};

// `payload`: of type encrypted or encrypted_fragment.
[[nodiscard]] std::optional<Sealed> parse_sealed(const RawPayload& payload);

// What precedes the sealed text of `size` bytes: the generic header, and a fragment's numbers.
void write_sealed_header(Writer& writer, const Sealed& sealed, std::size_t size);
[[nodiscard]] constexpr std::size_t sealed_header_size(bool fragment) {
  return kPayloadHeaderSize + (fragment ? 4 : 0);
}

// Puts one message together. Takes what was authentic only.
class Reassembly {
 public:
  struct Whole {
    PayloadType first_inside = PayloadType::none;
    Buffer chain;
  };

  // The whole, when this was the last that was missing. A larger total begins anew, because the
  // sender has made smaller pieces (RFC 7383, section 2.5.2); a smaller one is late.
  [[nodiscard]] std::optional<Whole> add(const Sealed& fragment, Bytes plaintext);
  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  void clear();

 private:
  std::map<std::uint16_t, Buffer> pieces_;
  std::size_t size_ = 0;
  std::uint16_t total_ = 0;
  PayloadType first_inside_ = PayloadType::none;
};

}  // namespace gotthard::ike
