// The IPsec interfaces: between their configuration, the kernel's routes and the data plane, which
// has the packets and the SAs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/config/config.h"
#include "control/dataplane_link.h"
#include "control/ike/sa/actions.h"
#include "control/ike/sa/engine.h"
#include "control/ipsec/lab_keys.h"
#include "control/route/fib_builder.h"
#include "control/session_allocator.h"

namespace gotthard::control {

// Of an SA without a lifetime: some 31 years.
inline constexpr std::uint64_t kForever = 1'000'000'000ULL * kSecond;

struct IpsecChild {
  std::uint32_t number = 0;  // the data plane's peer
  std::uint16_t interface = 0;
  std::size_t ipsec = 0;  // places in the configuration
  std::size_t connection = 0;
  std::size_t child = 0;
  std::size_t pair = 0;  // of its SAs: which of them (RFC 9611)
  bool in_udp = false;
  std::size_t place = 0;                // of the connection's remotes: where it was looked for last
  abi::Address remote;                  // family none: not known yet
  std::uint16_t remote_port = 0;        // network byte order
  std::optional<config::LabKeys> keys;  // those of now
  bool installed = false;               // they were handed to the data plane, and are gone here
  abi::KeyUse use = abi::KeyUse::now;
  bool by_ike = false;
  // Of those, what was negotiated last; nothing before.
  ike::TrafficSelectors local_ts;
  ike::TrafficSelectors remote_ts;
  std::optional<config::EspSuite> suite;
  Nanoseconds asked_at = 0;      // for its name
  Nanoseconds reached_at = 0;    // when there was a way to it last, or it was looked for
  Nanoseconds keepalive_at = 0;  // when the next one is due
};

class Children {
 public:
  struct Links {
    DataplaneLink* dataplane;
    route::FibBuilder* fib;
    SessionAllocator* sessions;
    // False: it cannot be asked now.
    std::function<bool(std::uint32_t peer, const std::string& name)> resolve_name;
  };

  // `config` outlives it.
  Children(const config::Config& config, LabKeys keys, Links links);
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  // Peers of the data plane that are children.
  [[nodiscard]] bool owns(std::uint32_t peer) const { return children_.contains(peer); }

  // After ResyncBegin and the tables: interfaces, children, selectors, and keys that were not used
  // yet. `fresh`: the data plane has none of our SAs, and what keys it had are used up.
  void resync(bool fresh);
  // Of a new configuration, in which some children have others than before.
  void take_keys(LabKeys keys);
  // Of a child that IKE makes: where its peer is, what may go through, and a pair of SAs. False:
  // the data plane has no such suite.
  bool install(std::uint32_t number, const ike::InstallChild& sa);
  // What an earlier control negotiated: said with the next resync().
  void adopt(std::uint32_t number, const ike::ChildStatus& negotiated, const ike::Path& path);
  // Its peer is somewhere else now.
  void move_to(std::uint32_t number, const ike::Path& path);
  // Its number; nothing: there is none of these names.
  [[nodiscard]] std::optional<std::uint32_t> find(const std::string& connection,
                                                  const std::string& child) const;
  // Numbers of a connection's children.
  [[nodiscard]] std::vector<std::uint32_t> of(const std::string& connection) const;
  // True: it was for us.
  bool on_event(const abi::EventBody& event);
  // After the FIB was flushed: interfaces that went up or down.
  void on_turn();
  void on_endpoint_changed(std::uint32_t peer);
  void on_name_resolved(std::uint32_t peer, std::span<const abi::Address> addresses);
  // Some ten times a second.
  void on_tick(Nanoseconds now);

  [[nodiscard]] const std::map<std::uint32_t, IpsecChild>& all() const { return children_; }
  [[nodiscard]] const config::Ipsec& ipsec_of(const IpsecChild& child) const {
    return config_->ipsec[child.ipsec];
  }
  [[nodiscard]] const config::Connection& connection_of(const IpsecChild& child) const {
    return ipsec_of(child).connections[child.connection];
  }
  [[nodiscard]] const config::Child& settings_of(const IpsecChild& child) const {
    return connection_of(child).children[child.child];
  }
  // Null: it has none.
  [[nodiscard]] const config::LabKeys* lab_keys_of(const IpsecChild& child) const {
    const auto& pairs = settings_of(child).lab_keys;
    return child.pair < pairs.size() ? &pairs[child.pair] : nullptr;
  }
  // As operators and logs name it: INTERFACE/CONNECTION/CHILD, and the pair's number when there are
  // several.
  [[nodiscard]] std::string full_name(const IpsecChild& child) const;
  // As last sent.
  [[nodiscard]] bool up(std::size_t ipsec) const { return interfaces_[ipsec].up; }
  [[nodiscard]] std::uint16_t mtu(std::size_t ipsec) const { return interfaces_[ipsec].mtu; }
  [[nodiscard]] std::uint16_t number(std::size_t ipsec) const {
    return static_cast<std::uint16_t>(config_->wireguard.size() + ipsec);
  }

 private:
  struct Interface {
    bool up = true;
    std::uint16_t mtu = 0;
  };

  void add(IpsecChild child);
  void send_interface(std::size_t ipsec);
  void send_child(const IpsecChild& child);
  void send_selectors(const IpsecChild& child);
  void send_sa(const IpsecChild& child, const ike::InstallChild& sa, const config::EspSuite& suite);
  void install(IpsecChild* child);
  void send_keepalive(const IpsecChild& child);
  void move(const IpsecChild& heard, const abi::EndpointMoved& moved);
  void ask_for_name(IpsecChild* child, Nanoseconds now);
  void look_elsewhere(IpsecChild* child, Nanoseconds now);
  void go_to(IpsecChild* child, const abi::Address& remote);

  const config::Config* config_;
  LabKeys keys_;
  Links links_;
  std::vector<Interface> interfaces_;
  std::map<std::uint32_t, IpsecChild> children_;
  std::map<std::string, std::uint32_t> by_name_;  // INTERFACE/CONNECTION/CHILD; its first pair
};

}  // namespace gotthard::control
