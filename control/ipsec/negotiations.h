// IKE for the connections that are configured: between the engine, which knows the protocol, and
// the data plane, the children, the clock and the operators.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/checkpoint/state_store.h"
#include "control/config/config.h"
#include "control/dataplane_link.h"
#include "control/ike/sa/engine.h"
#include "control/ipsec/children.h"
#include "control/ipsec/ike_files.h"
#include "control/route/fib_builder.h"
#include "control/session_allocator.h"

namespace gotthard::control {

class Negotiations {
 public:
  struct Links {
    DataplaneLink* dataplane;
    route::FibBuilder* fib;
    SessionAllocator* sessions;
    Children* children;
    checkpoint::StateStore* states;
    // False: it cannot be asked now.
    std::function<bool(const std::string& connection, const std::string& name)> resolve_name;
  };

  // `config` and what the links name outlive it. An error: a file does not hold what it should.
  static Result<std::unique_ptr<Negotiations>> create(const config::Config& config,
                                                      const IkeFiles& files, Links links);
  Negotiations(const Negotiations&) = delete;
  Negotiations& operator=(const Negotiations&) = delete;

  // What the connections of a configuration come to with its files; an error: a file does not hold
  // what it should.
  using Settings = std::vector<ike::ConnectionSettings>;
  static Result<Settings> settings_of(const config::Config& config, const IkeFiles& files);
  // Others than before, of the same connections: their SAs stay.
  void configure(Settings settings);

  // Before Children::resync(), with the data plane attached: what an earlier control kept. Once.
  void restore();
  // After Children::resync(). `fresh`: the data plane was started anew, and has none of our SAs.
  void resync(bool fresh);
  // True: it is IKE's.
  bool on_punt(const abi::PacketRecord& packet);
  // True: it was for us.
  bool on_event(const abi::EventBody& event);
  // Some ten times a second, while the data plane is attached.
  void on_tick();
  // An answer to resolve_name; no addresses: there are none.
  void on_name_resolved(const std::string& connection, const std::string& name,
                        std::span<const abi::Address> addresses);

  // By connection.
  struct Certificates {
    std::vector<crypto::Certificate> chain;  // our own first
    std::vector<crypto::Certificate> authorities;
  };
  [[nodiscard]] const std::map<std::string, Certificates>& certificates() const {
    return certificates_;
  }

  // Of operators; `name` is INTERFACE/CONNECTION, or INTERFACE/CONNECTION/CHILD.
  Status initiate(const std::string& name);
  Status rekey(const std::string& name);
  Status terminate(const std::string& name);
  // The full name of what `name` means, which may leave out what is unambiguous; nothing: no
  // connection or child is called so. An error: several are.
  [[nodiscard]] Result<std::optional<std::string>> full_name(const std::string& name) const;
  [[nodiscard]] const ike::Engine& engine() const { return engine_; }

 private:
  // Before what is IKE's at the port of ESP in UDP (RFC 3948, 2.2): zeros.
  static constexpr std::size_t kNonEspMarker = 4;

  Negotiations(const config::Config& config, Links links);
  [[nodiscard]] static ike::Time time_now();

  // INTERFACE/CONNECTION and CHILD; the latter may be empty.
  struct Place {
    std::string connection;
    std::string child;
  };
  [[nodiscard]] Place place_of(const std::string& full_name) const;
  [[nodiscard]] Place place_of(const IpsecChild& child) const;
  // Local SPIs that the data plane has, to their children's numbers.
  [[nodiscard]] std::map<std::uint32_t, std::uint32_t> live_children() const;
  Status carry_out(Result<ike::Actions> actions);

  // negotiations_actions.cc
  void carry_out(ike::Actions actions);
  // False: it cannot be kept, so what comes after it must not happen.
  bool act(const ike::Checkpoint& action);
  void act(const ike::CheckpointRemove& action);
  void act(const ike::SendDatagram& action);
  void act(const ike::InstallChild& action);
  void act(const ike::UseChild& action);
  void act(const ike::RemoveChild& action);
  void act(const ike::PeerMoved& action);
  void act(const ike::IkeUp& action);
  void act(const ike::IkeDown& action);
  void act(const ike::ChildUp& action);
  void act(const ike::ChildDown& action);
  void act(const ike::Happened& action);

  // negotiations_names.cc
  struct Names {
    std::map<std::string, std::vector<abi::Address>> found;
    Nanoseconds asked_at = 0;
  };
  void ask_for_names(Nanoseconds now);
  [[nodiscard]] bool established(const std::string& connection) const;

  [[nodiscard]] bool ours(std::uint32_t local_spi) const { return installed_.contains(local_spi); }

  const config::Config* config_;
  Links links_;
  ike::Engine engine_;
  std::map<std::uint32_t, std::uint32_t> installed_;  // local SPI to the child's number
  // SAs that an earlier control made and whose IKE SA is not known, by child: they serve until
  // there are others.
  std::map<std::uint32_t, std::vector<std::uint32_t>> orphans_;
  std::map<std::string, Certificates> certificates_;
  std::map<std::string, Names> names_;  // by connection
  std::uint16_t interface_ = 0;         // the first that speaks IKE
  bool speaks_ = false;
  bool restored_ = false;
  // Between restore() and resync().
  std::map<std::uint32_t, std::uint32_t> live_;
  ike::Actions pending_;
};

}  // namespace gotthard::control
