// One WireGuard interface: our static key, its peers and their handshakes. Bytes and time in,
// actions out; one thread (control's) calls it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>

#include "base/result.h"
#include "control/noise/actions.h"
#include "control/noise/admission.h"
#include "control/noise/cookie.h"
#include "control/noise/outcome.h"
#include "control/noise/peer.h"
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

class Device {
 public:
  static Result<Device> create(crypto::PrivateKey private_key, Randomness randomness,
                               SessionIds ids);

  [[nodiscard]] const crypto::PublicKey& public_key() const { return local_.public_key; }
  // HASH(LABEL_MAC1 || our public key), for abi::InterfaceSet: workers check mac1 first.
  [[nodiscard]] const std::array<std::uint8_t, 32>& mac1_key() const { return checker_.mac1_key(); }

  // Whether a peer may have this public key: ours, or one that is no valid point, may not.
  [[nodiscard]] bool may_be_peer(const crypto::PublicKey& public_key) const;
  // Another identity: handshakes under way end, and so do the sessions that the old one made; peers
  // that had one handshake at their next tick. No peer may have the new public key.
  [[nodiscard]] Actions set_private_key(crypto::PrivateKey private_key);

  // The interface was set down: all sessions end, and nothing is sent or answered until start().
  // A device begins started.
  [[nodiscard]] Actions stop();
  // Persistent keepalives are sent at the next tick; whoever has none waits for traffic.
  void start(Time now);

  // `timestamps` come from the checkpoint; all zero for a peer never met. Refused: our own key, a
  // key that is no valid point, a number or key that is in use.
  Status add_peer(PeerNumber peer, const crypto::PublicKey& public_key, PeerSettings settings,
                  const Timestamps& timestamps);
  // A new endpoint replaces the learned one; none keeps it. Another public key is another peer.
  Status update_peer(PeerNumber peer, PeerSettings settings);
  [[nodiscard]] Actions remove_peer(PeerNumber peer);
  [[nodiscard]] bool has_peer(PeerNumber peer) const { return peers_.contains(peer); }

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
  // It is not known where the peer is: an initiation that waits for its response ends.
  void forget_endpoint(PeerNumber peer);

  // After a restart of control. Peers first.
  Status adopt_session(PeerNumber peer, const LiveSession& session);
  // False for a session that the directory shows and nobody adopted: its installation was under way
  // when control ended.
  [[nodiscard]] bool has_session(std::uint32_t local_id) const {
    return by_local_id_.contains(local_id);
  }
  // The data plane was started anew: all sessions and all ids are gone. Peers that had a session,
  // or wanted one, handshake at their next tick.
  void forget_sessions();

  [[nodiscard]] std::optional<PeerStatus> status(PeerNumber peer) const;
  [[nodiscard]] const OutcomeCounters& counters() const { return counters_; }

 private:
  struct Origin {  // of a datagram
    const Endpoint& from;
    const abi::Address& local;
  };
  enum class Admitted : std::uint8_t { yes, no };

  Device(crypto::KeyPair local, crypto::Blake2sMac mac, Randomness randomness, SessionIds ids);

  // device_receive.cc
  template <typename Message>
  [[nodiscard]] Admitted admit(const Message& message, const Origin& origin, Time now,
                               Actions& actions);
  void on_initiation(const Initiation& message, const Origin& origin, Time now, Actions& actions);
  void on_response(const Response& message, const Origin& origin, Time now, Actions& actions);
  void on_cookie_reply(const CookieReply& message, Time now);
  void respond(Peer& peer, const ResponderHandshake& handshake, const Origin& origin, Time now,
               Actions& actions);
  [[nodiscard]] bool crosses_ours(Peer& peer, const Origin& origin, Time now);
  void learn_endpoint(Peer& peer, const Origin& origin, Actions& actions);

  // device_initiate.cc
  void request_handshake(Peer& peer, Time now, Actions& actions);
  void send_initiation(Peer& peer, Time now, Nanoseconds wanted, Actions& actions);
  void retransmit_or_give_up(Peer& peer, Time now, Actions& actions);
  void abandon_initiation(Peer& peer);

  void catch_up(Peer& peer, const Activity& activity, Time now, Actions& actions);
  [[nodiscard]] Actions end_sessions();
  void handshake_done(Peer& peer, const Session& session, Time now, Actions& actions);
  void erase_old_keys(Peer& peer, Time now, Actions& actions);
  void count(Outcome outcome, Peer* peer = nullptr);
  void failed(Peer& peer, Outcome cause, Time now);
  [[nodiscard]] crypto::KeyPair ephemeral();
  [[nodiscard]] Peer* find(PeerNumber number);
  [[nodiscard]] Peer* owner(std::uint32_t local_id);

  crypto::KeyPair local_;
  crypto::Blake2sMac mac_;
  Randomness randomness_;
  SessionIds ids_;
  CookieChecker checker_;
  Admission admission_;
  std::optional<Nanoseconds> last_under_load_;
  std::unordered_map<PeerNumber, Peer> peers_;
  std::map<PublicKey, PeerNumber> by_public_key_;
  std::unordered_map<std::uint32_t, PeerNumber> by_local_id_;  // in flight, installing, installed
  OutcomeCounters counters_{};
  bool stopped_ = false;
};

}  // namespace gotthard::noise
