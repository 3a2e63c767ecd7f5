// Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s as WireGuard uses it (paper, section 5.4):
//   <- s
//   -> e, es, s, ss, {timestamp}
//   <- e, ee, se, psk, {}
// Functions over values: no function changes what it is given, so that a forged message leaves a
// handshake in flight as it was. The caller checks macs before and timestamps after.
#pragma once

#include <cstdint>
#include <optional>

#include "control/noise/messages.h"
#include "control/noise/tai64n.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "crypto/x25519.h"

namespace gotthard::noise {

using crypto::PublicKey;
using PresharedKey = crypto::Secret<32>;

// Noise's SymmetricState.
struct SymmetricState {
  crypto::Secret<32> chaining_key;
  crypto::Hash hash{};
};

// What one side knows of the other before the first message; `ss` is the static-static secret, the
// same for all handshakes.
struct RemoteStatic {
  PublicKey public_key{};
  crypto::SharedSecret ss;
};

// Nothing when the key is of small order.
[[nodiscard]] std::optional<RemoteStatic> remote_static(const crypto::KeyPair& local,
                                                        const PublicKey& remote);

struct SessionKeys {
  crypto::Secret<32> send;
  crypto::Secret<32> receive;
};

// An initiator that waits for the response.
struct InitiatorHandshake {
  SymmetricState symmetric;
  crypto::PrivateKey ephemeral;
};

struct CreatedInitiation {
  Initiation message;  // without macs
  InitiatorHandshake handshake;
};
// Nothing when the remote key is of small order.
[[nodiscard]] std::optional<CreatedInitiation> create_initiation(const crypto::KeyPair& local,
                                                                 const RemoteStatic& remote,
                                                                 const crypto::KeyPair& ephemeral,
                                                                 const Tai64n& timestamp,
                                                                 std::uint32_t sender);

// An initiation whose sender's static key is known: e, es, s are done.
struct IdentifiedInitiation {
  SymmetricState symmetric;
  PublicKey initiator{};
};
[[nodiscard]] std::optional<IdentifiedInitiation> identify_initiator(const crypto::KeyPair& local,
                                                                     const Initiation& message);

// A responder that has all it needs for its response.
struct ResponderHandshake {
  SymmetricState symmetric;
  PublicKey remote_ephemeral{};
  std::uint32_t remote_id = 0;
  Tai64n timestamp{};
};
[[nodiscard]] std::optional<ResponderHandshake> consume_initiation(
    const IdentifiedInitiation& identified, const RemoteStatic& remote, const Initiation& message);

struct CreatedResponse {
  Response message;  // without macs
  SessionKeys keys;
};
[[nodiscard]] std::optional<CreatedResponse> create_response(const ResponderHandshake& handshake,
                                                             const PublicKey& remote_static_key,
                                                             const crypto::KeyPair& ephemeral,
                                                             const PresharedKey& psk,
                                                             std::uint32_t sender);

[[nodiscard]] std::optional<SessionKeys> consume_response(const InitiatorHandshake& handshake,
                                                          const crypto::KeyPair& local,
                                                          const PresharedKey& psk,
                                                          const Response& message);

}  // namespace gotthard::noise
