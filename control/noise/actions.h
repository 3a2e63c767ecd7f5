// What a Device asks its caller to do, in this order: nothing may overtake the Checkpoint before
// it.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "control/noise/outcome.h"
#include "control/noise/tai64n.h"
#include "control/noise/types.h"
#include "crypto/secret.h"

namespace gotthard::noise {

// Must be kept before any later action is carried out: after a restart the device neither accepts
// an initiation again nor sends an older one.
struct Checkpoint {
  PeerNumber peer = 0;
  Timestamps timestamps;
};

struct SendDatagram {
  PeerNumber peer = kNoPeer;  // kNoPeer: a cookie reply, which is made without knowing the peer
  Endpoint to;
  abi::Address local;  // source address; family none: the caller's choice
  std::vector<std::byte> bytes;

  static constexpr PeerNumber kNoPeer = abi::kNoPeer;
};

// The caller answers with on_installed() or on_refused(). The limits are kRejectAfterMessages,
// kRejectAfterTime and kEraseAfterTime of control/noise/timers.h.
struct InstallSession {
  PeerNumber peer = 0;
  std::uint32_t local_id = 0;
  std::uint32_t remote_id = 0;
  abi::KeyUse use = abi::KeyUse::now;
  crypto::Secret<32> send_key;
  crypto::Secret<32> receive_key;
};

// The data plane may have dropped it already.
struct RemoveSession {
  std::uint32_t local_id = 0;
};

struct SendKeepalive {
  PeerNumber peer = 0;
};

// An authentic handshake message came from here: the peer's outer packets go here from now on.
struct EndpointLearned {
  PeerNumber peer = 0;
  Endpoint endpoint;
  abi::Address local;
};

enum class Role : std::uint8_t { initiator, responder };

// Both sides have the session's keys.
struct HandshakeDone {
  PeerNumber peer = 0;
  std::uint32_t local_id = 0;
  Role role = Role::initiator;
};

// For the log: no_endpoint, no_response, no_session_id, install_refused or response_not_authentic.
// The device tries again by itself where that makes sense.
struct HandshakeFailed {
  PeerNumber peer = 0;
  Outcome cause = Outcome::no_response;
};

using Action = std::variant<Checkpoint, SendDatagram, InstallSession, RemoveSession, SendKeepalive,
                            EndpointLearned, HandshakeDone, HandshakeFailed>;
using Actions = std::vector<Action>;

}  // namespace gotthard::noise
