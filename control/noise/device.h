// One WireGuard interface: our static key, its peers and their handshakes. Bytes and time in,
// actions out; one thread (control's) calls it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "control/noise/actions.h"
#include "control/noise/outcome.h"
#include "control/noise/timers.h"
#include "control/noise/types.h"
#include "crypto/x25519.h"

namespace gotthard::noise {

struct PeerSettings {
  crypto::Secret<32> preshared_key;  // all zero: none
  std::optional<Endpoint> endpoint;
  Nanoseconds persistent_keepalive = 0;  // 0: off
};

// A session that outlived a restart of control, from the directory.
struct LiveSession {
  enum class Place : std::uint8_t { previous, current, next };
  std::uint32_t local_id = 0;
  std::uint32_t remote_id = 0;
  Place place = Place::current;
  Role role = Role::initiator;
  Nanoseconds installed = 0;
};

// For operators: what a peer's handshakes have come to.
struct PeerStatus {
  crypto::PublicKey public_key{};
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

class Device {
 public:
  static Result<Device> create(crypto::PrivateKey private_key, Randomness randomness,
                               SessionIds ids);
  Device(Device&&) noexcept;
  Device& operator=(Device&&) noexcept;
  ~Device();

  [[nodiscard]] const crypto::PublicKey& public_key() const;
  // HASH(LABEL_MAC1 || our public key), for abi::InterfaceSet: workers check mac1 first.
  [[nodiscard]] const std::array<std::uint8_t, 32>& mac1_key() const;

  // `timestamps` come from the checkpoint; all zero for a peer never met. Refused: our own key, a
  // key that is no valid point, a number or key that is in use.
  Status add_peer(PeerNumber peer, const crypto::PublicKey& public_key, PeerSettings settings,
                  const Timestamps& timestamps);
  // A new endpoint replaces the learned one; none keeps it. Another public key is another peer.
  Status update_peer(PeerNumber peer, PeerSettings settings);
  [[nodiscard]] Actions remove_peer(PeerNumber peer);
  [[nodiscard]] bool has_peer(PeerNumber peer) const;

  // A datagram to our listening port. `local` is the address that it was sent to. `under_load`:
  // more handshakes arrive than can be answered, so only those with a cookie are.
  [[nodiscard]] Actions on_datagram(std::span<const std::byte> datagram, const Endpoint& from,
                                    const abi::Address& local, Time now, bool under_load);
  // About every 100 ms for each peer.
  [[nodiscard]] Actions on_tick(PeerNumber peer, const Activity& activity, Time now);
  // A packet waits for a session (abi::NeedHandshake).
  [[nodiscard]] Actions need_handshake(PeerNumber peer, Time now);
  // The operator wants new keys. Within 5 s of the last handshake message it waits for that long.
  [[nodiscard]] Actions rekey(PeerNumber peer, Time now);

  // Answers to InstallSession, and events of the data plane. Unknown ids are harmless.
  [[nodiscard]] Actions on_installed(std::uint32_t local_id, Time now);
  [[nodiscard]] Actions on_refused(std::uint32_t local_id, Time now);
  [[nodiscard]] Actions on_confirmed(std::uint32_t local_id, Time now);
  void on_erased(std::uint32_t local_id);
  // The data plane opened a packet that came from elsewhere than the endpoint.
  void on_endpoint_moved(PeerNumber peer, const Endpoint& endpoint, const abi::Address& local);

  // After a restart of control. Peers first.
  Status adopt_session(PeerNumber peer, const LiveSession& session);
  // The data plane was started anew: all sessions are gone. Peers that had one handshake again at
  // their next tick. The ids are the caller's to release.
  void forget_sessions();

  [[nodiscard]] std::optional<PeerStatus> status(PeerNumber peer) const;
  [[nodiscard]] const OutcomeCounters& counters() const;

 private:
  struct State;
  explicit Device(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gotthard::noise
