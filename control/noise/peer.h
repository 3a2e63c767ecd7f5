// What a device knows of one peer.
#pragma once

#include <optional>
#include <vector>

#include "control/noise/cookie.h"
#include "control/noise/handshake.h"
#include "control/noise/keypairs.h"
#include "control/noise/outcome.h"
#include "control/noise/timers.h"
#include "control/noise/types.h"

namespace gotthard::noise {

// An initiation that waits for its response.
struct InFlight {
  InitiatorHandshake handshake;
  std::uint32_t local_id = 0;  // new for each initiation: late responses are told by it
  Nanoseconds wanted = 0;      // kRekeyAttemptTime counts from here
  Nanoseconds retransmit = 0;
};

// A response that may not leave before the data plane can open what it will be answered with.
struct PendingResponse {
  Session session;
  Response message;  // without macs
  Endpoint to;
  abi::Address local;
};

// For operators: what a peer's handshakes have come to.
struct PeerStatus {
  PublicKey public_key{};
  std::optional<Endpoint> endpoint;
  Nanoseconds last_attempt = 0;    // boot time of the last initiation sent
  Nanoseconds last_handshake = 0;  // boot time of the last HandshakeDone, 0 never
  Nanoseconds last_handshake_wall = 0;
  bool in_flight = false;               // an initiation waits for its response
  std::uint32_t attempts = 0;           // initiations since the last HandshakeDone
  std::optional<Outcome> last_failure;  // since the last HandshakeDone
  Nanoseconds last_failure_at = 0;
  Timestamps timestamps;
  OutcomeCounters counters{};
};

struct Peer {
  Peer(PeerNumber n, RemoteStatic r) : number(n), remote(std::move(r)), cookies(remote.public_key) {
    status.public_key = remote.public_key;
  }

  PeerNumber number;
  RemoteStatic remote;
  PresharedKey preshared_key;
  abi::Address local;  // where the peer was heard last; family none: not known
  Nanoseconds persistent_keepalive = 0;
  bool keepalive_at_once = false;

  CookieJar cookies;
  Timers timers;
  Keypairs keypairs;
  std::optional<InFlight> in_flight;
  // Not yet answered by the data plane: at most one of each role.
  std::optional<Session> installing;
  std::optional<PendingResponse> responding;

  bool handshake_wanted = false;    // as soon as `next_initiation` allows it
  Nanoseconds next_initiation = 0;  // not before: kRekeyTimeout after the last message
  Nanoseconds last_initiation_consumed = 0;
  bool let_one_cross = false;  // since the last handshake done
  PeerStatus status;           // endpoint and timestamps have their home here
};

}  // namespace gotthard::noise
