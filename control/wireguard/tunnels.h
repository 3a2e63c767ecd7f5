// The WireGuard interfaces: between noise::Device, which knows the protocol, and the data plane,
// which has the packets and the sessions.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/broker/message.h"
#include "control/checkpoint/checkpoint.h"
#include "control/config/config.h"
#include "control/dataplane_link.h"
#include "control/noise/device.h"
#include "control/route/fib_builder.h"
#include "control/session_allocator.h"
#include "control/uapi/answer.h"
#include "control/wireguard/change.h"
#include "control/wireguard/directory_reader.h"
#include "control/wireguard/keys.h"
#include "crypto/secret.h"

namespace gotthard::control {

struct TunnelPeer {
  std::uint32_t number = 0;
  std::uint16_t interface = 0;
  config::Peer settings;
  checkpoint::RecordKey record_key{};
  checkpoint::PeerRecord record;  // as last committed
  std::optional<noise::Endpoint> endpoint;
  abi::Address local;                // that the peer has sent to last; family none: routing decides
  crypto::Secret<32> preshared_key;  // all zero: none
  std::uint32_t unanswered = 0;      // initiations since the last handshake, or since it was moved
  bool moved = false;                // its endpoint, since the checkpoint has heard of it
  Nanoseconds kept_at = 0;           // when it last did
  struct Name {
    bool is_new = false;  // given while it runs: what it resolves to counts, whatever answers now
    bool asked = false;
    Nanoseconds asked_at = 0;
  } name;  // of settings.endpoint, where that has one
};

struct Tunnel {
  std::uint16_t number = 0;
  config::WireGuard settings;
  noise::Device device;
  crypto::Secret<32> private_key;
  bool has_private_key = true;  // without one its peers are left alone
  bool up = true;               // its TUN, as last sent; down: its device is stopped
  std::uint16_t mtu = 0;        // as last sent
};

class Tunnels {
 public:
  struct Links {
    DataplaneLink* dataplane;
    route::FibBuilder* fib;
    SessionAllocator* sessions;
    checkpoint::Checkpoint* checkpoint;
    // False: it cannot be asked now.
    std::function<bool(std::uint32_t peer, const std::string& host)> resolve_name;
    // Peers of the data plane that are not WireGuard's: their sessions are left alone, and that
    // their endpoints have another way now is told. Null: there are none.
    std::function<bool(std::uint32_t peer)> is_others{};
    std::function<void(std::uint32_t peer)> others_endpoint{};
  };

  static Result<std::unique_ptr<Tunnels>> create(const config::Config& config, const Keys& keys,
                                                 Links links);

  // Peers get their numbers: those that a living data plane has for their keys, else free ones.
  // Once, before anything else; `directory` may be null.
  Status number_peers(const abi::Directory* directory, const Keys& keys);
  [[nodiscard]] bool numbered() const { return numbered_; }

  struct Resynced {
    std::size_t adopted = 0;  // sessions that live and are ours
    std::size_t removed = 0;  // sessions that live and are nobody's
  };
  // After ResyncBegin and the tables: interfaces and peers; sessions that live are taken over,
  // others removed. `fresh`: the data plane has no sessions of ours.
  Resynced resync(bool fresh, Nanoseconds now);

  void on_punt(const abi::PacketRecord& packet, bool under_load);
  // True: it was for us.
  bool on_event(const abi::EventBody& event);
  // Some ten times a second: timers.
  void on_tick();
  // After the FIB was flushed: endpoints whose way has changed, interfaces that went up or down.
  void on_turn();
  // `addresses`: of the name that was asked for, none when there are none.
  void on_name_resolved(std::uint32_t peer, const std::string& name,
                        std::span<const abi::Address> addresses);
  // An error: its interface cannot make handshakes now.
  Status rekey(std::uint32_t peer);
  // As `wg show` has it; refers to keys that live until the next change.
  [[nodiscard]] uapi::InterfaceView view(std::uint16_t interface) const;
  [[nodiscard]] std::vector<config::Prefix> allowed_ips(std::uint32_t peer) const;
  // All that the interface's peers may be sent.
  [[nodiscard]] std::vector<config::Prefix> claimed(std::uint16_t interface) const;
  // What is listened at once these are made. Their ports of 0 become ports that no tunnel has.
  [[nodiscard]] broker::ListenPorts listen_ports(std::span<const TunnelChange> changes) const;
  void choose_ports(std::span<TunnelChange> changes) const;
  // Why apply() would not make these changes. At most one an interface.
  [[nodiscard]] std::optional<ChangeRefused> refusal(std::span<const TunnelChange> changes) const;
  // All of them or nothing; what one changes takes effect for all packets at once.
  tl::expected<void, ChangeRefused> apply(std::vector<TunnelChange> changes);

  [[nodiscard]] const std::vector<Tunnel>& tunnels() const { return tunnels_; }
  [[nodiscard]] const std::map<std::uint32_t, TunnelPeer>& peers() const { return peers_; }
  [[nodiscard]] std::optional<noise::PeerStatus> status(const TunnelPeer& peer) const;

 private:
  explicit Tunnels(Links links) : links_(std::move(links)) {}

  void carry_out(Tunnel* tunnel, noise::Actions actions);
  void refuse_rest(Tunnel* tunnel, std::span<const noise::Action> actions);
  // False: it is not kept, and what follows must not happen.
  [[nodiscard]] bool act(Tunnel* tunnel, const noise::Checkpoint& action);
  void act(Tunnel* tunnel, const noise::SendDatagram& action);
  void act(Tunnel* tunnel, const noise::InstallSession& action);
  void act(Tunnel* tunnel, const noise::RemoveSession& action);
  void act(Tunnel* tunnel, const noise::SendKeepalive& action);
  void act(Tunnel* tunnel, const noise::EndpointLearned& action);
  void act(Tunnel* tunnel, const noise::HandshakeDone& action);
  void act(Tunnel* tunnel, const noise::HandshakeFailed& action);

  // What an operator said is in the checkpoint at once, what a peer shows soon.
  enum class Keep : std::uint8_t { now, soon };
  void give_endpoint(Tunnel* tunnel, TunnelPeer* peer, const config::Endpoint& given);
  void take_endpoint(Tunnel* tunnel, TunnelPeer* peer, Nanoseconds now);
  void set_endpoint(TunnelPeer* peer, const noise::Endpoint& endpoint, const abi::Address& local,
                    Keep keep);
  void keep_moved_endpoint(TunnelPeer* peer, Nanoseconds now);
  void forget_record_endpoint(TunnelPeer* peer);
  bool commit(TunnelPeer* peer);
  Status add_peer(Tunnel* tunnel, std::uint32_t number, const config::Peer& settings,
                  const crypto::Secret<32>& preshared_key);
  void apply(Tunnel* tunnel, InterfaceChange change);
  [[nodiscard]] std::optional<ChangeRefused> ports_refused(
      std::span<const TunnelChange> changes) const;
  [[nodiscard]] std::optional<ChangeRefused> allowed_ips_refused(
      std::span<const TunnelChange> changes) const;
  [[nodiscard]] std::optional<ChangeRefused> peers_refused(
      std::span<const TunnelChange> changes) const;
  void remove_peer(Tunnel* tunnel, std::uint32_t number);
  void change_peer(Tunnel* tunnel, PeerChange* change);
  void change_private_key(Tunnel* tunnel, const crypto::Secret<32>& key);
  void reset_peer(Tunnel* tunnel, TunnelPeer* peer);
  [[nodiscard]] TunnelPeer* find_peer(const Tunnel& tunnel, const crypto::PublicKey& key);
  [[nodiscard]] bool is_free(std::uint32_t number) const;
  [[nodiscard]] std::optional<std::uint32_t> free_number();
  [[nodiscard]] std::vector<config::WireGuard> settings_after(
      std::span<const TunnelChange> changes) const;
  void send_interface(Tunnel* tunnel);
  void follow_device(Tunnel* tunnel);
  void send_peer(const TunnelPeer& peer);
  [[nodiscard]] static bool name_is_stale(const TunnelPeer& peer);
  [[nodiscard]] static bool wants_name(const TunnelPeer& peer);
  void ask_for_name(TunnelPeer* peer);
  Resynced adopt_sessions(const abi::Directory& directory, Nanoseconds now);
  Tunnel* tunnel_of(std::uint32_t peer);
  [[nodiscard]] noise::Activity activity_of(std::uint32_t peer, Nanoseconds now) const;
  [[nodiscard]] std::string full_name(std::uint32_t peer) const;

  Links links_;
  std::vector<Tunnel> tunnels_;
  std::map<std::uint32_t, TunnelPeer> peers_;
  std::map<std::uint32_t, std::uint32_t> session_peer_;  // installed or being so: local id, peer
  std::map<Identity, std::uint32_t> by_key_;
  std::vector<std::uint32_t> removed_;  // peers that a change is taking away
  std::uint32_t next_number_ = 0;       // to be tried for a new peer
  bool numbered_ = false;
  std::uint32_t replay_window_ = 65536;
  std::size_t table_size_ = 65536;  // prefixes of a family
};

// Both clocks, read now.
[[nodiscard]] noise::Time time_now();

}  // namespace gotthard::control
