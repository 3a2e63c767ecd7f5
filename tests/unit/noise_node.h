// Gateways in a simulation: a device, what control keeps for it, and a data plane.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tests/unit/noise_network.h"

namespace gotthard::noise::testing {

// A gateway with one peer (number 7): a device, what control keeps, and a data plane.
class Node {
 public:
  static constexpr PeerNumber kPeer = 7;

  Node(Clock& clock, Network& network, std::uint8_t host, std::uint64_t key_seed,
       std::uint64_t seed)
      : clock_(clock),
        network_(network),
        host_(host),
        key_seed_(key_seed),
        ids_(host * 100'000U),
        device_(make_device(key_seed, seed, ids_)) {
    network.hosts[host] = [this](const Packet& packet) { receive(packet); };
    tick();
  }

  Status add_peer(std::uint64_t peer_key_seed, std::optional<Endpoint> where,
                  std::uint64_t psk_seed = 0, Nanoseconds keepalive = 0) {
    peer_key_ = public_key(peer_key_seed);
    psk_seed_ = psk_seed;
    endpoint_ = where;
    keepalive_ = keepalive;
    return device_.add_peer(kPeer, peer_key_, {preshared_key(psk_seed), where, keepalive},
                            checkpoint_);
  }

  // Control is killed and comes back: the checkpoint and the data plane are what is left.
  void restart_control(std::uint64_t seed) {
    ++incarnation_;
    device_ = make_device(key_seed_, seed, ids_);
    ASSERT_TRUE(device_.add_peer(kPeer, peer_key_,
                                 {preshared_key(psk_seed_), endpoint_, keepalive_}, checkpoint_));
    const auto adopt = [&](std::uint32_t id, LiveSession::Place place) {
      if (const auto found = sessions_.find(id); found != sessions_.end()) {
        ASSERT_TRUE(device_.adopt_session(kPeer, {id, found->second.remote_id, place,
                                                  found->second.role, found->second.installed}));
      }
    };
    adopt(previous_, LiveSession::Place::previous);
    adopt(current_, LiveSession::Place::current);
    adopt(next_, LiveSession::Place::next);
  }

  // The data plane is started anew: no session is left.
  void restart_dataplane() {
    for (const auto& [id, session] : sessions_) {
      ids_.release(id);
    }
    sessions_.clear();
    previous_ = current_ = next_ = crossed_ = 0;
    activity_ = {};
    device_.forget_sessions();
  }

  void send_data() {
    if (!seal(true)) {
      ++no_session;
      if (clock_.now() >= need_sent_ + kSecond) {
        need_sent_ = clock_.now();
        perform(device_.need_handshake(kPeer, time()));
      }
    }
  }

  void receive(const Packet& packet) {
    if (!packet.handshake.empty()) {
      perform(device_.on_datagram(packet.handshake, packet.from, packet.to.address, time(),
                                  under_load));
      return;
    }
    const auto found = sessions_.find(packet.receiver);
    if (found == sessions_.end() || found->second.receive != packet.key ||
        clock_.now() >= found->second.installed + kRejectAfterTime) {
      refused += packet.data;
      return;
    }
    if (found->first == next_) {
      erase(previous_);
      previous_ = std::exchange(current_, std::exchange(next_, 0));
      event([this, id = current_] { perform(device_.on_confirmed(id, time())); });
    }
    activity_.last_rx = clock_.now();
    activity_.unanswered_since = 0;
    if (packet.data) {
      activity_.last_rx_data = clock_.now();
      received.push_back(packet.number);
    }
  }

  void perform(Actions actions) {
    for (Action& action : actions) {
      std::visit([this](auto& one) { perform_one(one); }, action);
    }
  }

  [[nodiscard]] Time time() const { return {clock_.now(), clock_.now() + wall_offset}; }
  [[nodiscard]] Device& device() { return device_; }
  [[nodiscard]] std::uint32_t current() const { return current_; }
  [[nodiscard]] std::uint32_t remote_of_current() const {
    return current_ == 0 ? 0 : sessions_.at(current_).remote_id;
  }
  [[nodiscard]] bool has_session(std::uint32_t id) const { return sessions_.contains(id); }
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  [[nodiscard]] Ids& ids() { return ids_; }
  [[nodiscard]] const Timestamps& checkpoint() const { return checkpoint_; }

  bool under_load = false;
  Nanoseconds install_takes = kMillisecond;
  Nanoseconds wall_offset = 1'700'000'000 * kSecond;
  std::uint64_t sent = 0, no_session = 0, refused = 0, keepalives = 0;
  std::vector<std::uint64_t> received;
  std::vector<Nanoseconds> done, initiations;
  std::vector<std::pair<Nanoseconds, Outcome>> failures;
  std::vector<Nanoseconds> keepalive_times;

 private:
  struct LiveKeys {
    std::uint32_t remote_id;
    Role role;
    Nanoseconds installed;
    Key send, receive;
    std::uint64_t sent = 0;
  };

  void perform_one(Checkpoint& action) {
    EXPECT_GE(action.timestamps.last_sent, checkpoint_.last_sent);
    EXPECT_GE(action.timestamps.greatest_received, checkpoint_.greatest_received);
    checkpoint_ = action.timestamps;
    fresh_checkpoint_ = true;
  }
  void perform_one(SendDatagram& action) {
    if (parse_initiation(action.bytes)) {
      EXPECT_TRUE(fresh_checkpoint_) << "an initiation left before its checkpoint";
      fresh_checkpoint_ = false;
      initiations.push_back(clock_.now());
    }
    network_.send({endpoint(host_), action.to, action.bytes});
  }
  void perform_one(InstallSession& action) {
    EXPECT_TRUE(fresh_checkpoint_ || action.use == abi::KeyUse::now);
    fresh_checkpoint_ = false;
    const LiveKeys keys{action.remote_id,
                        action.use == abi::KeyUse::now ? Role::initiator : Role::responder, 0,
                        key_of(action.send_key), key_of(action.receive_key)};
    clock_.at(install_takes, [this, id = action.local_id, keys, incarnation = incarnation_] {
      if (incarnation == incarnation_) {
        install(id, keys);
      }
    });
  }
  void perform_one(RemoveSession& action) { erase(action.local_id); }
  void perform_one(SendKeepalive&) {
    ++keepalives;
    keepalive_times.push_back(clock_.now());
    seal(false);
  }
  void perform_one(EndpointLearned& action) { endpoint_ = action.endpoint; }
  void perform_one(HandshakeDone&) { done.push_back(clock_.now()); }
  void perform_one(HandshakeFailed& action) { failures.emplace_back(clock_.now(), action.cause); }

  void install(std::uint32_t id, LiveKeys keys) {
    keys.installed = clock_.now();
    for (const auto& [other, session] : sessions_) {
      EXPECT_NE(session.send, keys.send) << "a key was installed twice";
    }
    sessions_.emplace(id, keys);
    if (keys.role == Role::initiator) {
      erase(previous_);
      previous_ = std::exchange(current_, id);
      if (next_ != 0) {
        erase(crossed_);
        crossed_ = std::exchange(next_, 0);
      }
    } else {
      erase(next_);
      next_ = id;
    }
    event([this, id] { perform(device_.on_installed(id, time())); });
  }

  void erase(std::uint32_t id) {
    for (auto* place : {&previous_, &current_, &next_, &crossed_}) {
      if (*place == id) {
        *place = 0;
      }
    }
    if (sessions_.erase(id) != 0) {
      clock_.at(kMillisecond, [this, id] {
        ids_.release(id);
        device_.on_erased(id);
      });
    }
  }

  bool seal(bool data) {
    const auto found = sessions_.find(current_);
    if (found == sessions_.end() || clock_.now() >= found->second.installed + kRejectAfterTime ||
        !endpoint_) {
      return false;
    }
    ++found->second.sent;
    activity_.last_tx = clock_.now();
    if (data) {
      activity_.last_tx_data = clock_.now();
      if (activity_.unanswered_since == 0) {
        activity_.unanswered_since = clock_.now();
      }
      ++sent;
    }
    network_.send(
        {endpoint(host_), *endpoint_, {}, found->second.remote_id, found->second.send, data, sent});
    return true;
  }

  void tick() {
    activity_.current_session = current_;
    const auto found = sessions_.find(current_);
    activity_.sent = found == sessions_.end() ? 0 : found->second.sent;
    perform(device_.on_tick(kPeer, activity_, time()));
    clock_.at(100 * kMillisecond, [this] { tick(); });
  }

  // From the data plane to control; lost, as commands are, when control is restarted meanwhile.
  void event(std::function<void()> what) {
    clock_.at(kMillisecond / 2, [this, what = std::move(what), incarnation = incarnation_] {
      if (incarnation == incarnation_) {
        what();
      }
    });
  }

  Clock& clock_;
  Network& network_;
  std::uint8_t host_;
  std::uint64_t key_seed_;
  Ids ids_;
  Device device_;
  int incarnation_ = 0;
  Timestamps checkpoint_;
  bool fresh_checkpoint_ = false;
  std::optional<Endpoint> endpoint_;
  crypto::PublicKey peer_key_{};
  std::uint64_t psk_seed_ = 0;
  Nanoseconds keepalive_ = 0;
  std::map<std::uint32_t, LiveKeys> sessions_;
  std::uint32_t previous_ = 0, current_ = 0, next_ = 0, crossed_ = 0;
  Activity activity_;
  Nanoseconds need_sent_ = 0;
};

// Two gateways that know each other.
struct Pair {
  explicit Pair(std::uint64_t seed, std::uint64_t psk = 5, Nanoseconds keepalive = 0)
      : network(clock, seed),
        a(clock, network, 1, 101, seed * 2 + 1),
        b(clock, network, 2, 102, seed * 2 + 2) {
    EXPECT_TRUE(a.add_peer(102, endpoint(2), psk, keepalive));
    EXPECT_TRUE(b.add_peer(101, endpoint(1), psk));
  }
  // Both send with sessions that are each other's, and no other session is left in use.
  [[nodiscard]] bool agree() const {
    return a.current() != 0 && a.remote_of_current() == b.current() &&
           b.remote_of_current() == a.current();
  }
  // One data packet of `node` each `gap`, as long as the clock runs.
  void traffic(Node& node, Nanoseconds gap) {
    node.send_data();
    clock.at(gap, [this, &node, gap] { traffic(node, gap); });
  }

  Clock clock;
  Network network;
  Node a, b;
};

}  // namespace gotthard::noise::testing
