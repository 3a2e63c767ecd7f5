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
  // False: the workers' list of local addresses is full.
  [[nodiscard]] bool add_address(std::uint16_t owner, const abi::Address& address);
  void remove_address(std::uint16_t owner, const abi::Address& address);

  void begin_resync();
  void end_resync();

  [[nodiscard]] bool is_local(const abi::Address& address) const;
  [[nodiscard]] const Topology& current() const { return *current_; }

 private:
  void publish();
  [[nodiscard]] AnswerAddresses answers_of(std::uint16_t owner) const;

  Shared* shared_;
  RetireList* retired_;
  std::vector<TopologyPort> ports_;
  std::map<std::uint16_t, TopologyInterface> interfaces_;
  std::set<std::pair<std::uint16_t, abi::Address>> addresses_;
  std::set<std::uint16_t> unmentioned_interfaces_;
  std::set<std::pair<std::uint16_t, abi::Address>> unmentioned_addresses_;
  const Topology* current_ = nullptr;
};

}  // namespace gotthard::dataplane
