// A connection as it is configured, in swanctl's words with swanctl's meaning.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/ike/identity/identity.h"
#include "control/ike/message/sa_payload.h"
#include "control/ike/message/ts_payload.h"
#include "control/ike/sa/types.h"
#include "crypto/secret_bytes.h"
#include "crypto/signature.h"
#include "crypto/trust_store.h"

namespace gotthard::ike {

enum class AuthKind : std::uint8_t { psk, certificate };

// How we show who we are.
struct LocalAuth {
  AuthKind kind = AuthKind::psk;
  Identity id;
  crypto::SecretBytes psk;
  std::vector<crypto::Certificate> chain;         // our own first, then intermediate authorities
  std::optional<crypto::SigningKey> key;          // of chain[0]
  std::optional<crypto::SignatureScheme> scheme;  // as `auth` says; none: as fits the key
};

// What the peer has to show. The methods of both ways need not be the same.
struct RemoteAuth {
  AuthKind kind = AuthKind::psk;
  IdentityPattern id;
  crypto::SecretBytes psk;
  std::shared_ptr<const crypto::TrustStore> trust;  // never null with certificates
  crypto::Revocation revocation = crypto::Revocation::relaxed;
};

enum class ChildMode : std::uint8_t { tunnel, transport };

// What is done for a child: nothing, wait for traffic (Engine::acquire), bring it up and keep it.
enum class Restart : std::uint8_t { none, trap, start };

// 0: no limit.
struct Volume {
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;
};

struct ChildSettings {
  std::string name;
  // Empty: "dynamic", the ends' own addresses.
  std::vector<TrafficSelector> local_ts;
  std::vector<TrafficSelector> remote_ts;
  std::vector<Proposal> proposals;  // never empty
  ChildMode mode = ChildMode::tunnel;
  Nanoseconds rekey_time = 3600 * kSecond;  // 0: never
  Nanoseconds life_time = 3960 * kSecond;   // 0: no end
  Volume rekey;
  Volume life;
  Restart start_action = Restart::none;
  Restart close_action = Restart::none;  // the peer has closed it
  Restart dpd_action = Restart::none;    // the peer is gone
  std::uint32_t replay_window = 0;       // packets; 0: the data plane's default
};

// Of several IKE SAs with the same two identities.
enum class Unique : std::uint8_t {
  never,    // they live side by side, INITIAL_CONTACT is not heeded
  no,       // INITIAL_CONTACT ends the old ones
  keep,     // a new one is refused
  replace,  // a new one ends the old ones
};

enum class UdpEncapsulation : std::uint8_t {
  automatic,  // where a NAT is found on the way
  forced,     // always: the peer is made to find one
  never,      // no NAT is looked for
};

struct Retransmission {
  Nanoseconds first = 2 * kSecond;
  double factor = 1.8;
  unsigned tries = 5;  // after the first time; then the peer is given up
};

struct ConnectionSettings {
  std::string name;
  std::optional<abi::Address> local;  // none: any of ours; as initiator as Services::source says
  // Tried one after the other; the only sources that are heard.
  std::vector<abi::Address> remotes;
  // There are names beside them: all addresses come by Engine::set_remotes().
  bool by_name = false;
  std::uint16_t remote_port = 500;  // host byte order; with the other one's number at once there
  std::uint16_t remote_nat_port = 4500;  // of the peer's ESP in UDP
  LocalAuth local_auth;
  RemoteAuth remote_auth;
  std::vector<Proposal> proposals;           // never empty
  Nanoseconds rekey_time = 14400 * kSecond;  // 0: never
  Nanoseconds over_time = 1440 * kSecond;    // after it: an SA that was not replaced ends
  Nanoseconds reauth_time = 0;               // 0: never
  Nanoseconds dpd_delay = 0;                 // 0: never asks whether the peer lives
  bool fragmentation = true;
  std::size_t fragment_size = 1280;  // of IP packets
  UdpEncapsulation encapsulation = UdpEncapsulation::automatic;
  Unique unique = Unique::no;
  Retransmission retransmission;
  std::vector<ChildSettings> children;

  // The peer may be anywhere, and is waited for.
  [[nodiscard]] bool anywhere() const { return remotes.empty() && !by_name; }
  [[nodiscard]] const ChildSettings* child(std::string_view child_name) const {
    for (const ChildSettings& one : children) {
      if (one.name == child_name) {
        return &one;
      }
    }
    return nullptr;
  }
};

// Shared by a connection and its SAs, which outlive it while they say goodbye.
using ConnectionPtr = std::shared_ptr<const ConnectionSettings>;

}  // namespace gotthard::ike
