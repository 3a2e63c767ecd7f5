#include "control/noise/handshake.h"

#include <string_view>

#include "crypto/bytes.h"
#include "crypto/handshake_aead.h"

namespace gotthard::noise {
namespace {

constexpr std::string_view kConstruction = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
constexpr std::string_view kIdentifier = "WireGuard v1 zx2c4 Jason@zx2c4.com";

using Bytes = std::span<const std::byte>;

Bytes text(std::string_view value) { return std::as_bytes(std::span(value)); }

template <std::size_t N>
Bytes view(const std::array<std::uint8_t, N>& value) {
  return crypto::bytes_of(value);
}

crypto::Secret<32> clone(const crypto::Secret<32>& secret) {
  return crypto::Secret<32>::copy_of(secret.bytes());
}

SymmetricState clone(const SymmetricState& state) {
  return {clone(state.chaining_key), state.hash};
}

void mix_hash(SymmetricState& state, Bytes data) {
  state.hash = crypto::blake2s(view(state.hash), data);
}

// MixKey for an e token, whose public value also keys the chain when a psk follows.
void mix_ephemeral(SymmetricState& state, const PublicKey& ephemeral) {
  mix_hash(state, view(ephemeral));
  state.chaining_key = crypto::kdf1(state.chaining_key.bytes(), view(ephemeral));
}

// MixKey whose key nobody uses.
void mix_secret(SymmetricState& state, const crypto::SharedSecret& secret) {
  state.chaining_key = crypto::kdf1(state.chaining_key.bytes(), secret.bytes());
}

// MixKey; returns the key for the next encryption.
crypto::Secret<32> mix_key(SymmetricState& state, const crypto::SharedSecret& secret) {
  auto [chaining_key, key] = crypto::kdf2(state.chaining_key.bytes(), secret.bytes());
  state.chaining_key = std::move(chaining_key);
  return std::move(key);
}

// MixKeyAndHash.
crypto::Secret<32> mix_psk(SymmetricState& state, const PresharedKey& psk) {
  auto [chaining_key, middle, key] = crypto::kdf3(state.chaining_key.bytes(), psk.bytes());
  state.chaining_key = std::move(chaining_key);
  mix_hash(state, middle.bytes());
  return std::move(key);
}

// EncryptAndHash and DecryptAndHash; each key encrypts once, so the counter is 0.
void encrypt_and_hash(SymmetricState& state, const crypto::Secret<32>& key, Bytes plaintext,
                      std::span<std::byte> out) {
  crypto::seal(key.bytes(), 0, plaintext, view(state.hash), out);
  mix_hash(state, out);
}

bool decrypt_and_hash(SymmetricState& state, const crypto::Secret<32>& key, Bytes sealed,
                      std::span<std::byte> out) {
  const bool authentic = crypto::open(key.bytes(), 0, sealed, view(state.hash), out);
  mix_hash(state, sealed);
  return authentic;
}

// <- s
SymmetricState initial_state(const PublicKey& responder) {
  SymmetricState state;
  const crypto::Hash construction = crypto::blake2s(text(kConstruction));
  state.chaining_key = crypto::Secret<32>::copy_of(construction);
  state.hash = construction;
  mix_hash(state, text(kIdentifier));
  mix_hash(state, view(responder));
  return state;
}

// Split: the initiator's sending key first.
std::array<crypto::Secret<32>, 2> split(const SymmetricState& state) {
  return crypto::kdf2(state.chaining_key.bytes(), {});
}

}  // namespace

std::optional<RemoteStatic> remote_static(const crypto::KeyPair& local, const PublicKey& remote) {
  auto ss = crypto::dh(local.private_key, remote);
  if (!ss) {
    return std::nullopt;
  }
  return RemoteStatic{remote, std::move(*ss)};
}

std::optional<CreatedInitiation> create_initiation(const crypto::KeyPair& local,
                                                   const RemoteStatic& remote,
                                                   const crypto::KeyPair& ephemeral,
                                                   const Tai64n& timestamp, std::uint32_t sender) {
  CreatedInitiation created;
  Initiation& message = created.message;
  SymmetricState& state = created.handshake.symmetric;
  state = initial_state(remote.public_key);
  message.sender = to_wire(sender);

  // e
  message.ephemeral = ephemeral.public_key;
  mix_ephemeral(state, ephemeral.public_key);
  // es
  const auto es = crypto::dh(ephemeral.private_key, remote.public_key);
  if (!es) {
    return std::nullopt;
  }
  const auto static_key = mix_key(state, *es);
  // s
  encrypt_and_hash(state, static_key, view(local.public_key),
                   crypto::writable_bytes_of(message.encrypted_static));
  // ss
  const auto timestamp_key = mix_key(state, remote.ss);
  // {timestamp}
  encrypt_and_hash(state, timestamp_key, view(timestamp),
                   crypto::writable_bytes_of(message.encrypted_timestamp));

  created.handshake.ephemeral = clone(ephemeral.private_key);
  return created;
}

std::optional<IdentifiedInitiation> identify_initiator(const crypto::KeyPair& local,
                                                       const Initiation& message) {
  IdentifiedInitiation identified;
  SymmetricState& state = identified.symmetric;
  state = initial_state(local.public_key);
  // e
  mix_ephemeral(state, message.ephemeral);
  // es
  const auto es = crypto::dh(local.private_key, message.ephemeral);
  if (!es) {
    return std::nullopt;
  }
  const auto static_key = mix_key(state, *es);
  // s
  if (!decrypt_and_hash(state, static_key, view(message.encrypted_static),
                        crypto::writable_bytes_of(identified.initiator))) {
    return std::nullopt;
  }
  return identified;
}

std::optional<ResponderHandshake> consume_initiation(const IdentifiedInitiation& identified,
                                                     const RemoteStatic& remote,
                                                     const Initiation& message) {
  ResponderHandshake handshake;
  handshake.symmetric = clone(identified.symmetric);
  // ss
  const auto timestamp_key = mix_key(handshake.symmetric, remote.ss);
  // {timestamp}
  if (!decrypt_and_hash(handshake.symmetric, timestamp_key, view(message.encrypted_timestamp),
                        crypto::writable_bytes_of(handshake.timestamp))) {
    return std::nullopt;
  }
  handshake.remote_ephemeral = message.ephemeral;
  handshake.remote_id = from_wire(message.sender);
  return handshake;
}

std::optional<CreatedResponse> create_response(const ResponderHandshake& handshake,
                                               const PublicKey& remote_static_key,
                                               const crypto::KeyPair& ephemeral,
                                               const PresharedKey& psk, std::uint32_t sender) {
  CreatedResponse created;
  Response& message = created.message;
  SymmetricState state = clone(handshake.symmetric);
  message.sender = to_wire(sender);
  message.receiver = to_wire(handshake.remote_id);

  // e
  message.ephemeral = ephemeral.public_key;
  mix_ephemeral(state, ephemeral.public_key);
  // ee
  const auto ee = crypto::dh(ephemeral.private_key, handshake.remote_ephemeral);
  // se
  const auto se = crypto::dh(ephemeral.private_key, remote_static_key);
  if (!ee || !se) {
    return std::nullopt;
  }
  mix_secret(state, *ee);
  mix_secret(state, *se);
  // psk
  const auto key = mix_psk(state, psk);
  // {}
  encrypt_and_hash(state, key, {}, crypto::writable_bytes_of(message.encrypted_nothing));

  auto [initiator_to_responder, responder_to_initiator] = split(state);
  created.keys = {std::move(responder_to_initiator), std::move(initiator_to_responder)};
  return created;
}

std::optional<SessionKeys> consume_response(const InitiatorHandshake& handshake,
                                            const crypto::KeyPair& local, const PresharedKey& psk,
                                            const Response& message) {
  SymmetricState state = clone(handshake.symmetric);
  // e
  mix_ephemeral(state, message.ephemeral);
  // ee
  const auto ee = crypto::dh(handshake.ephemeral, message.ephemeral);
  // se
  const auto se = crypto::dh(local.private_key, message.ephemeral);
  if (!ee || !se) {
    return std::nullopt;
  }
  mix_secret(state, *ee);
  mix_secret(state, *se);
  // psk
  const auto key = mix_psk(state, psk);
  // {}
  if (!decrypt_and_hash(state, key, view(message.encrypted_nothing), {})) {
    return std::nullopt;
  }
  auto [initiator_to_responder, responder_to_initiator] = split(state);
  return SessionKeys{std::move(initiator_to_responder), std::move(responder_to_initiator)};
}

}  // namespace gotthard::noise
