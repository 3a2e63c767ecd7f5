// The manager's side of ports, tunnel interfaces and local addresses: each change makes a new
// Topology for the workers.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "dataplane/abi/records.h"
#include "dataplane/table/rcu.h"
#include "dataplane/table/topology.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

class TopologyStore {
 public:
  TopologyStore(Shared* shared, RetireList* retired, std::vector<TopologyPort> ports);
  TopologyStore(const TopologyStore&) = delete;
  TopologyStore& operator=(const TopologyStore&) = delete;
  ~TopologyStore();  // no worker may run any more

  void set_interface(const abi::InterfaceSet& command);
  void remove_interface(std::uint16_t interface);
  // False: there is no such port, or there are too many VLANs.
  [[nodiscard]] bool set_vlan(const abi::VlanSet& command);
  void remove_vlan(std::uint16_t link);
  // False: the workers' list of local addresses is full.
  [[nodiscard]] bool add_address(std::uint16_t owner, const abi::Address& address);
  void remove_address(std::uint16_t owner, const abi::Address& address);

  void begin_resync();
  void end_resync();

  [[nodiscard]] bool is_local(const abi::Address& address) const;
  // Control has said all of it once.
  [[nodiscard]] bool whole() const { return whole_; }
  [[nodiscard]] const Topology& current() const { return *current_; }

 private:
  void publish();
  [[nodiscard]] bool is_underlay(std::uint16_t link) const;
  void place_vlans(Topology* to) const;
  [[nodiscard]] AnswerAddresses answers_of(std::uint16_t owner) const;

  Shared* shared_;
  RetireList* retired_;
  std::vector<TopologyPort> ports_;
  std::map<std::uint16_t, abi::VlanSet> vlans_;  // by link, those there are
  // The link of each place, also when it is gone, for it gets its place again: next hops may still
  // name it. Another one gets the place that has been free for longest.
  std::array<std::uint16_t, abi::kMaxVlans> vlan_places_{};
  std::array<std::uint64_t, abi::kMaxVlans> vlan_removals_{};
  std::uint64_t removals_ = 0;
  std::map<std::uint16_t, TopologyInterface> interfaces_;
  std::set<std::pair<std::uint16_t, abi::Address>> addresses_;
  std::set<std::uint16_t> unmentioned_interfaces_;
  std::set<std::uint16_t> unmentioned_vlans_;
  std::set<std::pair<std::uint16_t, abi::Address>> unmentioned_addresses_;
  const Topology* current_ = nullptr;
  bool whole_ = false;
};

}  // namespace gotthard::dataplane
