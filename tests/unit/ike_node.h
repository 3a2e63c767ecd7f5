// A gateway of simulations: an engine, and a data plane that does as it is told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/ike_network.h"

namespace gotthard::ike::testing {

class Node {
 public:
  struct Sa {
    std::string child;
    std::uint32_t remote_spi = 0;
    Buffer send_key;
    Buffer receive_key;
    bool waits = false;
    bool udp = false;
    bool transport = false;
    std::uint64_t serial = 0;
    std::uint32_t replaces = 0;
    Path path;
    EspSuite suite;
  };

  Node(Clock& clock, Network& network, abi::Address own, std::uint64_t seed, Limits limits = {})
      : clock_(clock), network_(network), own_(own), limits_(limits), random_(seed) {
    engine_ = std::make_unique<Engine>(services(), limits_);
    network.hosts[own] = [this](const Sent& sent) { receive(sent); };
    tick();
  }

  void perform(Actions actions) {
    for (Action& action : actions) {
      std::visit([this](auto& one) { perform_one(one); }, action);
    }
  }
  void perform(Result<Actions> actions) {
    ASSERT_TRUE(actions) << actions.error().message;
    perform(std::move(*actions));
  }

  void configure(ConnectionSettings settings) {
    perform(engine_->configure(std::move(settings), clock_.now()));
  }
  // Its name has these addresses.
  void find_peer(std::vector<abi::Address> remotes) {
    perform(engine_->set_remotes("peer", std::move(remotes), clock_.now()));
  }
  void initiate(const std::string& child = "net") {
    perform(engine_->initiate("peer", child, clock_.now()));
  }

  // Control dies and comes back: the checkpoint and the data plane are left.
  void restart(const std::function<ConnectionSettings()>& settings) {
    engine_ = std::make_unique<Engine>(services(), limits_);
    while (!flying_.empty()) {
      (void)land(flying_.begin()->first);
    }
    configure(settings());
    std::vector<std::uint32_t> live;
    for (const auto& [spi, sa] : installed) {
      live.push_back(spi);
    }
    const auto states = std::exchange(checkpoints, {});
    for (const auto& [number, state] : states) {
      auto actions = engine_->restore(state, live, clock_.now());
      ASSERT_TRUE(actions) << actions.error().message;
      perform(std::move(*actions));
    }
    for (const std::uint32_t spi : live) {
      if (!engine_->has_child(spi)) {
        installed.erase(spi);
      }
    }
    const auto left = engine_->local_spis();
    spis_out = {left.begin(), left.end()};
  }

  // The data plane dies, and with it all keys.
  void lose_dataplane() {
    installed.clear();
    flying_.clear();
    perform(engine_->on_dataplane_lost(clock_.now()));
    const auto left = engine_->local_spis();
    spis_out = {left.begin(), left.end()};
  }

  // The SA that a packet of this child is sealed with.
  [[nodiscard]] const Sa* outbound(const std::string& child) const {
    const Sa* best = nullptr;
    for (const auto& [spi, sa] : installed) {
      if (sa.child == child && !sa.waits && (best == nullptr || sa.serial > best->serial)) {
        best = &sa;
      }
    }
    return best;
  }

  // A packet of the child; the other side says whether it could be opened.
  void send_packet(Node& to, const std::string& child = "net") {
    const Sa* sa = outbound(child);
    ++packets;
    if (sa == nullptr) {
      ++unsent;
      return;
    }
    const std::uint32_t spi = sa->remote_spi;
    const Buffer key = sa->send_key;
    clock_.at(network_.faults.latency, [&to, spi, key] { to.receive_packet(spi, key); });
  }

  [[nodiscard]] std::size_t established() const { return count("established"); }
  [[nodiscard]] std::size_t count(const std::string& state) const {
    std::size_t count = 0;
    for (const SaStatus& sa : engine_->sas()) {
      count += sa.state == state ? 1 : 0;
    }
    return count;
  }
  [[nodiscard]] std::size_t children(const std::string& child = "net") const {
    std::size_t count = 0;
    for (const SaStatus& sa : engine_->sas()) {
      for (const ChildStatus& one : sa.children) {
        count += one.name == child && one.up ? 1 : 0;
      }
    }
    return count;
  }
  [[nodiscard]] bool happened(Cause cause) const {
    for (const Happened& one : events) {
      if (one.cause == cause) {
        return true;
      }
    }
    return false;
  }
  [[nodiscard]] Engine& engine() { return *engine_; }
  [[nodiscard]] const abi::Address& own() const { return own_; }

  std::map<std::uint32_t, Sa> installed;
  std::vector<Happened> events;
  std::map<SaNumber, Buffer> checkpoints;
  std::vector<std::string> ups, downs;
  std::set<Buffer> ivs;  // of protected messages, with their key's SPIs before
  std::uint64_t packets = 0, unsent = 0, opened = 0, refused = 0;
  Nanoseconds install_takes = kMillisecond;
  bool refuse_installs = false;
  bool no_spis = false;
  std::set<std::uint32_t> spis_out;  // allocated and not released
  std::function<void(const Action&)> watch;

 private:
  Services services() {
    return {.random =
                [this](std::span<std::byte> out) {
                  for (std::byte& byte : out) {
                    byte = static_cast<std::byte>(random_());
                  }
                },
            .allocate_spi = [this]() -> std::optional<std::uint32_t> {
              if (no_spis) {
                return std::nullopt;
              }
              spis_out.insert(next_spi_);
              return next_spi_++;
            },
            .release_spi = [this](std::uint32_t spi) { EXPECT_EQ(spis_out.erase(spi), 1U); },
            .source = [this](const abi::Address&) { return std::optional(own_); }};
  }

  void tick() {
    perform(engine_->on_tick(clock_.now()));
    clock_.at(100 * kMillisecond, [this] { tick(); });
  }

  void receive(const Sent& sent) {
    const Path path{sent.path.remote, sent.path.remote_port, sent.path.local, sent.path.local_port};
    perform(engine_->on_datagram(sent.bytes, path, sent.marked, clock_.now()));
  }

  void receive_packet(std::uint32_t spi, const Buffer& key) {
    const auto sa = installed.find(spi);
    if (sa == installed.end() || sa->second.receive_key != key) {
      ++refused;
      return;
    }
    sa->second.waits = false;
    ++opened;
  }

  void perform_one(Checkpoint& action) { checkpoints[action.sa] = copy(action.state.bytes()); }
  void perform_one(CheckpointRemove& action) { checkpoints.erase(action.sa); }
  void perform_one(SendDatagram& action) {
    network_.send({action.path, action.marked, action.bytes});
  }
  void perform_one(InstallChild& action) {
    const std::uint32_t spi = action.local_spi;
    if (refuse_installs) {
      clock_.at(install_takes, [this, spi] {
        spis_out.erase(spi);
        perform(engine_->on_refused(spi, clock_.now()));
      });
      return;
    }
    Sa sa{action.child,
          action.remote_spi,
          copy(action.send.encryption.bytes()),
          copy(action.receive.encryption.bytes()),
          action.use == abi::KeyUse::after_first_inbound,
          action.udp,
          action.transport,
          ++serial_,
          action.replaces,
          action.path,
          action.suite};
    flying_[spi] = sa;
    clock_.at(install_takes, [this, spi] {
      if (land(spi)) {
        perform(engine_->on_installed(spi, clock_.now()));
      }
    });
  }
  // False: the data plane died meanwhile, or control.
  bool land(std::uint32_t spi) {
    const auto sa = flying_.extract(spi);
    if (!sa.empty() && !given_up_.contains(spi)) {
      installed[spi] = sa.mapped();
    }
    return !sa.empty();
  }
  void perform_one(UseChild& action) {
    clock_.at(install_takes, [this, spi = action.local_spi] {
      const auto sa = installed.find(spi);
      if (sa != installed.end()) {
        sa->second.waits = false;
      }
    });
  }
  void perform_one(RemoveChild& action) {
    given_up_.insert(action.local_spi);
    installed.erase(action.local_spi);
    spis_out.erase(action.local_spi);
  }
  void perform_one(PeerMoved& /*action*/) { ++moved; }
  void perform_one(IkeUp& action) { ups.push_back(action.connection); }
  void perform_one(IkeDown& action) { downs.push_back(action.connection); }
  void perform_one(ChildUp& action) { ups.push_back(action.child); }
  void perform_one(ChildDown& action) { downs.push_back(action.child); }
  void perform_one(Happened& action) { events.push_back(action); }

 public:
  std::uint64_t moved = 0;

 private:
  Clock& clock_;
  Network& network_;
  abi::Address own_;
  Limits limits_;
  std::mt19937_64 random_;
  std::unique_ptr<Engine> engine_;
  std::map<std::uint32_t, Sa> flying_;  // on their way to the data plane
  std::set<std::uint32_t> given_up_;
  std::uint32_t next_spi_ = 0x1000;
  std::uint64_t serial_ = 0;
};

}  // namespace gotthard::ike::testing
