// A data plane that only remembers, and a router that looks everything up the slow way: what the
// FIB builder's commands amount to must be what the router says.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/config/config.h"
#include "control/route/address.h"
#include "control/route/changes.h"
#include "control/route/fib_builder.h"
#include "control/route/fib_table.h"
#include "dataplane/abi/records.h"

namespace gotthard::route::test {

// Where a packet to an address goes.
struct Verdict {
  int kind = 0;  // abi::HopKind, 0 for no route
  bool allow_plain = false;
  std::uint16_t port = 0;
  std::uint16_t interface = 0;
  std::uint16_t mtu = 0;
  std::uint32_t peer = abi::kNoPeer;
  Address neighbour;
  bool operator==(const Verdict&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Verdict& v) {
  return out << "{kind " << v.kind << " plain " << v.allow_plain << " port " << v.port
             << " interface " << v.interface << " mtu " << v.mtu << " peer " << v.peer
             << " neighbour " << static_cast<int>(v.neighbour.bytes[3]) << "/"
             << static_cast<int>(v.neighbour.bytes[15]) << "}";
}

using OwnerMap = std::map<std::uint16_t, std::uint32_t>;  // interface to peer

// ---------------------------------------------------------------- the data plane

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
    mentioned_ = {};
    rename(&hops_);
    rename(&owners_);
    rename(&neighbours_);
    for (auto& [number, hop] : hops_) {
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
    const std::uint32_t number = longest(committed_.routes, address);
    if (number == 0) {
      return {};
    }
    const abi::NextHopSet& hop = hops_.at(number);
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
    std::set<std::uint32_t> hops, owners, neighbours;
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

  void carry_out(const abi::NextHopSet& body) {
    dirty_ = true;
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
      version.hops.insert(number);
      version.neighbours.insert(hops_.at(number).neighbour);
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
  std::map<std::uint32_t, abi::OwnerSet> owners_;
  std::map<std::uint32_t, abi::NeighbourSet> neighbours_;
  std::set<std::pair<std::uint16_t, Address>> local_;
  Tables staged_;
  Tables committed_;
  std::deque<Version> versions_;
};

// ---------------------------------------------------------------- the slow router

// Links 1 and 2 are ports 0 and 1, links 11 and 12 tunnels 0 and 1, all others the host's.
struct SlowRouter {
  std::vector<config::Route> fixed;
  std::vector<KernelRoute> kernel;  // in the order they came
  std::map<std::pair<std::uint16_t, Prefix>, std::uint32_t> allowed;
  std::set<std::pair<std::uint16_t, Prefix>> plain;
  std::set<std::pair<std::uint16_t, Address>> neighbours;  // usable
  std::map<Address, std::uint16_t> local;
  std::map<int, std::uint16_t> mtu;
  std::map<std::string, int> link;  // of our devices

  struct Way {
    enum { none, blackhole, guard, tunnel, glean, gateway } kind = none;
    std::uint16_t device = 0;
    std::uint16_t mtu = 0;
    Address gateway_address;
  };

  [[nodiscard]] Way by_link(int index, const std::optional<Address>& via) const {
    Way way;
    const auto name = std::ranges::find_if(link, [&](const auto& e) { return e.second == index; });
    if (name == link.end()) {
      way.kind = Way::blackhole;
      return way;
    }
    const bool tunnel = name->first.starts_with("wg");
    way.device = static_cast<std::uint16_t>(name->first.back() - '0');
    way.mtu = mtu.at(index);
    way.kind = tunnel ? Way::tunnel : via ? Way::gateway : Way::glean;
    if (via && !tunnel) {
      way.gateway_address = *via;
    }
    return way;
  }

  // The longest prefix first; `skip` is the one whose gateway is being looked for.
  [[nodiscard]] Way way(const Address& address, bool underlay, int depth,
                        const std::optional<Prefix>& skip = std::nullopt) const {
    for (int length = full_length(address.family); length >= 0; --length) {
      const Prefix prefix{
          to_address(address.family, to_bits(address) & mask(static_cast<unsigned>(length))),
          static_cast<std::uint8_t>(length)};
      if (prefix == skip) {
        continue;
      }
      Way here = at(prefix, underlay, depth);
      if (here.kind == Way::guard) {
        // Yields if the next shorter route is one into a tunnel.
        Way shorter = shorter_than(prefix, address, depth, skip);
        if (shorter.kind == Way::tunnel) {
          return shorter;
        }
        here.kind = Way::blackhole;
      }
      if (here.kind != Way::none) {
        return here;
      }
    }
    return {};
  }

  [[nodiscard]] Way shorter_than(const Prefix& prefix, const Address& address, int depth,
                                 const std::optional<Prefix>& skip) const {
    for (int length = prefix.length - 1; length >= 0; --length) {
      const Prefix candidate{
          to_address(address.family, to_bits(address) & mask(static_cast<unsigned>(length))),
          static_cast<std::uint8_t>(length)};
      if (candidate == skip) {
        continue;
      }
      const Way found = at(candidate, false, depth);
      if (found.kind != Way::none && found.kind != Way::guard) {
        return found;
      }
    }
    return {};
  }

  [[nodiscard]] Way at(const Prefix& prefix, bool underlay, int depth) const {
    for (const auto& route : fixed) {
      if (route.destination != prefix) {
        continue;
      }
      Way found;
      if (!route.interface.empty()) {
        const auto index = link.find(route.interface);
        found = by_link(index->second, route.via);
      } else {
        found.kind = Way::blackhole;
        if (depth < 4) {
          const Way via = way(*route.via, underlay, depth + 1, prefix);
          if (via.kind == Way::glean || via.kind == Way::gateway || via.kind == Way::tunnel) {
            found = via;
          }
          if (via.kind == Way::glean) {
            found.kind = Way::gateway;
            found.gateway_address = *route.via;
          }
        }
      }
      if (!(underlay && found.kind == Way::tunnel)) {
        return found;
      }
    }
    std::vector<std::tuple<bool, std::uint32_t, std::size_t>> order;
    for (std::size_t i = 0; i < kernel.size(); ++i) {
      if (kernel[i].destination == prefix) {
        const bool foreign = kernel[i].type == RouteType::unicast &&
                             by_link(kernel[i].link, {}).kind == Way::blackhole;
        order.emplace_back(foreign, kernel[i].metric, i);
      }
    }
    std::ranges::sort(order);
    for (const auto& [foreign, metric, i] : order) {
      const KernelRoute& route = kernel[i];
      Way found;
      if (route.type == RouteType::unicast) {
        found = by_link(route.link, route.gateway.family == Family::none
                                        ? std::optional<Address>()
                                        : std::optional(route.gateway));
      } else {
        found.kind = route.type == RouteType::blackhole && route.protocol == kRouteProtocol
                         ? Way::guard
                         : Way::blackhole;
      }
      if (!(underlay && (found.kind == Way::tunnel || found.kind == Way::guard))) {
        return found;
      }
    }
    return {};
  }

  [[nodiscard]] std::optional<std::uint32_t> owner(std::uint16_t interface,
                                                   const Address& address) const {
    std::optional<std::uint32_t> result;
    int length = -1;
    for (const auto& [key, peer] : allowed) {
      if (key.first == interface && covers(key.second, address) && key.second.length > length) {
        length = key.second.length;
        result = peer;
      }
    }
    return result;
  }

  [[nodiscard]] OwnerMap owners(const Address& address) const {
    OwnerMap result;
    for (std::uint16_t interface = 0; interface < 2; ++interface) {
      if (const auto peer = owner(interface, address)) {
        result.emplace(interface, *peer);
      }
    }
    return result;
  }

  [[nodiscard]] Verdict lookup(const Address& address) const {
    Verdict verdict;
    if (const auto own = local.find(address); own != local.end()) {
      verdict.kind = static_cast<int>(abi::HopKind::local);
      verdict.port = own->second;
      verdict.interface = own->second >= abi::kTunnelOwner
                              ? static_cast<std::uint16_t>(own->second - abi::kTunnelOwner)
                              : std::uint16_t{0};
      return verdict;
    }
    const Way found = way(address, false, 0);
    switch (found.kind) {
      case Way::none:
        return verdict;
      case Way::blackhole:
      case Way::guard:
        verdict.kind = static_cast<int>(abi::HopKind::blackhole);
        return verdict;
      case Way::tunnel:
        verdict.kind = static_cast<int>(abi::HopKind::tunnel);
        verdict.interface = found.device;
        verdict.mtu = found.mtu;
        verdict.peer = owner(found.device, address).value_or(abi::kNoPeer);
        return verdict;
      case Way::glean:
      case Way::gateway:
        break;
    }
    verdict.port = found.device;
    verdict.mtu = found.mtu;
    verdict.allow_plain = std::ranges::any_of(plain, [&](const auto& entry) {
      return entry.first == found.device && covers(entry.second, address);
    });
    const bool known = neighbours.contains({found.device, address});
    if (found.kind == Way::glean && !known) {
      verdict.kind = static_cast<int>(abi::HopKind::glean);
    } else {
      verdict.kind = static_cast<int>(abi::HopKind::neighbour);
      verdict.neighbour = found.kind == Way::gateway ? found.gateway_address : address;
    }
    return verdict;
  }
};

}  // namespace gotthard::route::test
