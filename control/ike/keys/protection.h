// Messages under the keys of an IKE SA: Encrypted payloads whole and in fragments (RFC 7296,
// section 3.14; RFC 7383).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "control/ike/message/chain.h"
#include "control/ike/message/encrypted_payload.h"
#include "control/ike/message/header.h"
#include "crypto/message_cipher.h"

namespace gotthard::ike {

// Gives the initialisation vector of the next message or fragment, `size` bytes: one that was never
// used under the same keys.
using NextIv = std::function<Buffer(std::size_t size)>;

// One datagram, or fragments that make UDP payloads of at most `fragment_size` bytes each; 0: never
// fragments. `header` without its next payload. Nothing when it would take too many fragments or a
// payload is too long.
[[nodiscard]] std::optional<std::vector<Buffer>> seal(const crypto::MessageSuite& suite,
                                                      const crypto::MessageKeys& keys,
                                                      const Header& header,
                                                      const ChainWriter& chain, const NextIv& iv,
                                                      std::size_t fragment_size);

// What is inside the datagram's Encrypted payload or fragment, padding off. `sealed.text` is the
// end of `datagram`. Nothing: not authentic.
[[nodiscard]] std::optional<Buffer> open(const crypto::MessageSuite& suite,
                                         const crypto::MessageKeys& keys, Bytes datagram,
                                         const Sealed& sealed);

}  // namespace gotthard::ike
