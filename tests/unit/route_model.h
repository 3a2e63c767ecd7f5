// A data plane that only remembers, and fails the test when a command breaks the contract.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "control/route/address.h"
#include "control/route/changes.h"
#include "tests/unit/route_verdict.h"

namespace gotthard::route::test {

class DataPlaneModel {
 public:
  // Fails the test when a command breaks the contract.
  std::uint64_t take(const abi::CommandBody& command) {
    ++serial_;
    EXPECT_TRUE(abi::decode_command(abi::encode(command, serial_)).has_value())
        << "malformed command, type " << command.index();
    std::visit([this](const auto& body) { carry_out(body); }, command);
    return serial_;
  }

  // Another control process takes over: what it does not mention goes at the end. Its numbers are
  // its own; those of the one before keep their meaning, out of its way.
  void begin_resync() {
    resync_ = true;
    vlans_.clear();
    mentioned_ = {};
    rename(&hops_);
    rename(&owners_);
    rename(&neighbours_);
    rename(&groups_);
    rename(&choices_);
    for (auto& [number, group] : groups_) {
      std::ranges::for_each(group.next_hops, [](std::uint32_t& hop) { hop += kApart; });
    }
    for (auto& [number, choice] : choices_) {
      choice.otherwise += choice.otherwise == 0 ? 0 : kApart;
      std::ranges::for_each(choice.choices, [](abi::HopChoice& one) { one.next_hop += kApart; });
    }
    for (auto& [number, hop] : hops_) {
      hop.set += kApart;
      if (hop.neighbour != abi::kNoNeighbour) {
        hop.neighbour += kApart;
      }
    }
    for (auto& [number, owner] : owners_) {
      owner.next += owner.next == 0 ? 0 : kApart;
    }
    for (PrefixMap* map :
         {&staged_.routes, &staged_.sources, &committed_.routes, &committed_.sources}) {
      for (auto& [prefix, number] : *map) {
        number += kApart;
      }
    }
    versions_.clear();
  }
  void end_resync() {
    resync_ = false;
    ++serial_;
    std::erase_if(staged_.routes,
                  [&](const auto& e) { return !mentioned_.routes.contains(e.first); });
    std::erase_if(staged_.sources,
                  [&](const auto& e) { return !mentioned_.sources.contains(e.first); });
    std::erase_if(neighbours_,
                  [&](const auto& e) { return !mentioned_.neighbours.contains(e.first); });
    std::erase_if(local_, [&](const auto& e) { return !mentioned_.local.contains(e); });
    carry_out(abi::TablesCommit{});
  }

  // The oldest commit that workers have not taken notice of yet; its serial.
  std::optional<std::uint64_t> apply_oldest() {
    if (versions_.size() < 2) {
      return std::nullopt;
    }
    versions_.pop_front();
    return versions_.front().serial;
  }

  [[nodiscard]] Verdict lookup(const Address& address) const {
    return lookup(PacketHead{.to = address, .dscp = 0, .from = {}});
  }
  [[nodiscard]] Verdict lookup(const PacketHead& head) const {
    return follow(longest(committed_.routes, head.to), head);
  }
  // Of a group that the address is routed by: which are alive.
  [[nodiscard]] std::optional<std::uint32_t> alive(const Address& address) const {
    const auto hop = hops_.find(longest(committed_.routes, address));
    return hop == hops_.end() || hop->second.kind != abi::HopKind::group
               ? std::nullopt
               : std::optional(groups_.at(hop->second.set).alive);
  }

  [[nodiscard]] OwnerMap owners(const Address& address) const {
    OwnerMap result;
    for (std::uint32_t number = longest(committed_.sources, address); number != 0;
         number = owners_.at(number).next) {
      const abi::OwnerSet& owner = owners_.at(number);
      EXPECT_TRUE(result.emplace(owner.interface, owner.peer).second) << "interface twice in chain";
    }
    return result;
  }

  [[nodiscard]] const std::map<std::uint32_t, abi::NeighbourSet>& neighbours() const {
    return neighbours_;
  }
  [[nodiscard]] const std::set<std::pair<std::uint16_t, Address>>& local() const { return local_; }
  [[nodiscard]] const std::map<std::uint16_t, abi::VlanSet>& vlans() const { return vlans_; }
  [[nodiscard]] bool clean() const { return !dirty_; }
  [[nodiscard]] const auto& routes() const { return committed_.routes; }
  [[nodiscard]] const auto& sources() const { return committed_.sources; }
  [[nodiscard]] std::uint64_t serial() const { return serial_; }

 private:
  using PrefixMap = std::map<Prefix, std::uint32_t>;
  struct Tables {
    PrefixMap routes;
    PrefixMap sources;
  };
  // What a worker may still use.
  struct Version {
    std::uint64_t serial = 0;
    std::set<std::uint32_t> hops, owners, neighbours, groups, choices;
  };

  static constexpr std::uint32_t kApart = 1U << 20;  // more than there are numbers

  template <typename Body>
  static void rename(std::map<std::uint32_t, Body>* bodies) {
    std::map<std::uint32_t, Body> renamed;
    for (const auto& [number, body] : *bodies) {
      renamed.emplace(number + kApart, body);
    }
    *bodies = std::move(renamed);
  }

  static std::uint32_t longest(const PrefixMap& map, const Address& address) {
    std::uint32_t value = 0;
    int length = -1;
    for (const auto& [prefix, number] : map) {
      if (covers(prefix, address) && prefix.length > length) {
        value = number;
        length = prefix.length;
      }
    }
    return value;
  }

  [[nodiscard]] Verdict follow(std::uint32_t number, const PacketHead& head) const {
    if (number == 0) {
      return {};
    }
    const abi::NextHopSet& hop = hops_.at(number);
    if (hop.kind == abi::HopKind::group) {
      const abi::HopGroupSet& group = groups_.at(hop.set);
      std::vector<Verdict> ways;
      for (std::size_t i = 0; i < group.count; ++i) {
        ways.push_back(follow(group.next_hops[i], head));
        ways.back().weight = group.weights[i];
      }
      return shared(ways);
    }
    if (hop.kind == abi::HopKind::choice) {
      const abi::HopChoiceSet& choice = choices_.at(hop.set);
      for (std::size_t i = 0; i < choice.count; ++i) {
        const abi::HopChoice& one = choice.choices[i];
        if (choice.field == abi::HopField::dscp ? one.dscp == head.dscp
                                                : covers({one.source, one.length}, head.from)) {
          return follow(one.next_hop, head);
        }
      }
      return follow(choice.otherwise, head);
    }
    Verdict verdict;
    verdict.kind = static_cast<int>(hop.kind);
    verdict.allow_plain = hop.allow_plain != 0;
    verdict.port = hop.port;
    verdict.interface = hop.interface;
    verdict.mtu = hop.mtu;
    verdict.peer = hop.peer;
    if (hop.kind == abi::HopKind::neighbour) {
      const auto at = neighbours_.find(hop.neighbour);
      EXPECT_TRUE(at != neighbours_.end()) << "next hop to a neighbour that was never set";
      if (at != neighbours_.end()) {
        EXPECT_EQ(at->second.port, hop.port);
        verdict.neighbour = at->second.address;
      }
    }
    return verdict;
  }

  // With all that the number leads to.
  void use(std::uint32_t number, Version* version) const {
    if (number == 0 || !version->hops.insert(number).second) {
      return;
    }
    const abi::NextHopSet& hop = hops_.at(number);
    version->neighbours.insert(hop.neighbour);
    if (hop.kind == abi::HopKind::group) {
      version->groups.insert(hop.set);
      for (std::size_t i = 0; i < groups_.at(hop.set).count; ++i) {
        use(groups_.at(hop.set).next_hops[i], version);
      }
    } else if (hop.kind == abi::HopKind::choice) {
      version->choices.insert(hop.set);
      const abi::HopChoiceSet& choice = choices_.at(hop.set);
      use(choice.otherwise, version);
      for (std::size_t i = 0; i < choice.count; ++i) {
        use(choice.choices[i].next_hop, version);
      }
    }
  }

  void carry_out(const abi::VlanSet& body) { vlans_[body.link] = body; }
  void carry_out(const abi::VlanRemove& body) { EXPECT_EQ(vlans_.erase(body.link), 1U); }
  // What names a VLAN comes after it.
  void expect_link(std::uint16_t link) const {
    EXPECT_TRUE(abi::vlan_of(link) == 0 || vlans_.contains(link)) << "no VLAN " << link;
  }
  void carry_out(const abi::HopGroupSet& body) {
    const auto known = groups_.find(body.group);
    const bool same = known != groups_.end() && known->second.next_hops == body.next_hops &&
                      known->second.weights == body.weights && known->second.count == body.count;
    for (const Version& version : versions_) {
      EXPECT_TRUE(same || !version.groups.contains(body.group))
          << "group " << body.group << " changed while in use";
    }
    for (std::size_t i = 0; i < body.count; ++i) {
      EXPECT_TRUE(hops_.contains(body.next_hops[i]));
    }
    groups_[body.group] = body;
  }
  void carry_out(const abi::HopChoiceSet& body) {
    for (const Version& version : versions_) {
      EXPECT_FALSE(version.choices.contains(body.choice)) << "choice changed while in use";
    }
    EXPECT_TRUE(body.otherwise == 0 || hops_.contains(body.otherwise));
    for (std::size_t i = 0; i < body.count; ++i) {
      EXPECT_TRUE(hops_.contains(body.choices[i].next_hop));
    }
    choices_[body.choice] = body;
  }
  void carry_out(const abi::NextHopSet& body) {
    dirty_ = true;
    EXPECT_TRUE(body.kind != abi::HopKind::group || groups_.contains(body.set));
    EXPECT_TRUE(body.kind != abi::HopKind::choice || choices_.contains(body.set));
    for (const Version& version : versions_) {
      EXPECT_FALSE(version.hops.contains(body.next_hop))
          << "next hop " << body.next_hop << " changed while in use";
    }
    hops_[body.next_hop] = body;
  }
  void carry_out(const abi::OwnerSet& body) {
    dirty_ = true;
    EXPECT_TRUE(body.next == 0 || owners_.contains(body.next)) << "owner names an unknown next";
    for (const Version& version : versions_) {
      EXPECT_FALSE(version.owners.contains(body.owner))
          << "owner " << body.owner << " changed while in use";
    }
    owners_[body.owner] = body;
  }
  void carry_out(const abi::PrefixSet& body) {
    dirty_ = true;
    const bool routes = body.table == abi::Table::routes;
    EXPECT_TRUE(routes ? hops_.contains(body.value) : owners_.contains(body.value));
    (routes ? staged_.routes : staged_.sources)[{body.address, body.length}] = body.value;
    (routes ? mentioned_.routes : mentioned_.sources).insert({body.address, body.length});
  }
  void carry_out(const abi::PrefixRemove& body) {
    dirty_ = true;
    auto& map = body.table == abi::Table::routes ? staged_.routes : staged_.sources;
    EXPECT_EQ(map.erase({body.address, body.length}), 1U) << "removed what was not there";
  }
  void carry_out(const abi::TablesCommit&) {
    dirty_ = false;
    committed_ = staged_;
    Version version;
    version.serial = serial_;
    for (const auto& [prefix, number] : committed_.routes) {
      use(number, &version);
    }
    for (const auto& [prefix, first] : committed_.sources) {
      for (std::uint32_t number = first; number != 0; number = owners_.at(number).next) {
        version.owners.insert(number);
      }
    }
    versions_.push_back(std::move(version));
  }
  void carry_out(const abi::NeighbourSet& body) {
    const auto known = neighbours_.find(body.neighbour);
    if (known != neighbours_.end()) {
      EXPECT_TRUE(known->second.port == body.port && known->second.address == body.address)
          << "neighbour " << body.neighbour << " became another without a removal";
    }
    expect_link(body.port);
    neighbours_[body.neighbour] = body;
    mentioned_.neighbours.insert(body.neighbour);
  }
  void carry_out(const abi::NeighbourRemove& body) {
    EXPECT_EQ(neighbours_.erase(body.neighbour), 1U);
    for (const Version& version : versions_) {
      EXPECT_FALSE(version.neighbours.contains(body.neighbour)) << "removed while in use";
    }
  }
  void carry_out(const abi::LocalAddressSet& body) {
    EXPECT_TRUE(local_.emplace(body.owner, body.address).second || resync_);
    mentioned_.local.emplace(body.owner, body.address);
  }
  void carry_out(const abi::LocalAddressRemove& body) {
    EXPECT_EQ(local_.erase({body.owner, body.address}), 1U);
  }
  template <typename Other>
  void carry_out(const Other&) {
    ADD_FAILURE() << "a command that is not the builder's";
  }

  struct Mentioned {
    std::set<Prefix> routes, sources;
    std::set<std::uint32_t> neighbours;
    std::set<std::pair<std::uint16_t, Address>> local;
  };

  std::uint64_t serial_ = 0;
  bool dirty_ = false;
  bool resync_ = false;
  Mentioned mentioned_;
  std::map<std::uint32_t, abi::NextHopSet> hops_;
  std::map<std::uint32_t, abi::HopGroupSet> groups_;
  std::map<std::uint32_t, abi::HopChoiceSet> choices_;
  std::map<std::uint32_t, abi::OwnerSet> owners_;
  std::map<std::uint32_t, abi::NeighbourSet> neighbours_;
  std::map<std::uint16_t, abi::VlanSet> vlans_;
  std::set<std::pair<std::uint16_t, Address>> local_;
  Tables staged_;
  Tables committed_;
  std::deque<Version> versions_;
};

}  // namespace gotthard::route::test
