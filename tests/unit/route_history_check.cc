// What must be true after any history.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <sstream>

#include "tests/unit/route_history.h"

namespace gotthard::route::test {

std::vector<PacketHead> heads(const Address& to) {
  const auto from = [&](unsigned index) { return address_of(to.family == Family::ipv6, index); };
  return {{to, 0, from(1)}, {to, 4, from(20)}, {to, 8, from(40)}, {to, 9, from(60)}};
}

void History::check() const {
  if (!attached) {
    return;
  }
  RC_ASSERT(data_plane->clean());
  for (const bool ipv6 : {false, true}) {
    for (unsigned i = 0; i < kAddresses; ++i) {
      const Address address = address_of(ipv6, i);
      for (const PacketHead& head : heads(address)) {
        const Verdict expected = router.lookup(head);
        const Verdict actual = data_plane->lookup(head);
        if (!(expected == actual)) {
          std::ostringstream text;
          text << (ipv6 ? "ipv6 " : "ipv4 ") << i << " dscp " << int{head.dscp} << " from "
               << int{head.from.bytes[15]} << ": expected " << expected << " got " << actual;
          RC_FAIL(text.str());
        }
      }
      RC_ASSERT(data_plane->owners(address) == router.owners(address));
    }
  }
  check_neighbours();
  check_endpoints();
  std::set<std::pair<std::uint16_t, Address>> local;
  for (const auto& owned : data_plane->local()) {
    local.insert(owned);
  }
  for (const auto& [address, owner] : router.local) {
    RC_ASSERT(local.contains({owner, address}) || local.size() == 64);
  }
  RC_ASSERT(data_plane->routes().size() == fib.counters().prefixes);
  RC_ASSERT(data_plane->sources().size() == fib.counters().sources);
}

void History::check_neighbours() const {
  for (const auto& [number, sent] : data_plane->neighbours()) {
    RC_ASSERT((sent.reachable != 0) == router.neighbours.contains({sent.port, sent.address}));
  }
}

// By the first ways, from tunnel to tunnel, one comes back to where one began. Of several ways each
// may be the first one.
bool History::may_lead_back(std::uint32_t peer, std::uint16_t interface, int depth) const {
  const auto remote = endpoints.find(peer);
  if (remote == endpoints.end() || depth > 4) {
    return false;
  }
  if (depth > 0 && interface_of(peer) == interface) {
    return true;
  }
  const SlowRouter::Admits others = [&](const SlowRouter::Way& way) {
    return !way.tunnel || way.device != interface_of(peer);
  };
  const auto found = router.find({.to = remote->second, .dscp = 0, .from = {}}, &others, 0);
  return found.kind == SlowRouter::Found::forward &&
         std::ranges::any_of(found.ways, [&](const SlowRouter::Way& way) {
           const auto owner = way.tunnel ? router.owner(way.device, remote->second) : std::nullopt;
           return owner && may_lead_back(*owner, interface, depth + 1);
         });
}

void History::check_endpoints() const {
  for (const auto& [peer, remote] : endpoints) {
    const auto resolved = fib.endpoint(peer);
    const PacketHead head{.to = remote, .dscp = 0, .from = {}};
    const SlowRouter::Admits ports = [](const SlowRouter::Way& way) { return !way.tunnel; };
    const SlowRouter::Admits others = [own = interface_of(peer)](const SlowRouter::Way& way) {
      return !way.tunnel || way.device != own;
    };
    std::vector<SlowRouter::Way> ways = router.find(head, &others, 0).ways;
    if (may_lead_back(peer, interface_of(peer), 0)) {
      const auto around = router.find(head, &ports, 0).ways;
      ways.insert(ways.end(), around.begin(), around.end());
    }
    if (ways.empty()) {
      RC_ASSERT(!resolved.has_value());
    }
    if (!resolved) {
      continue;  // no source address, no station, no peer there: the examples show these
    }
    RC_ASSERT(resolved->local.family == remote.family);
    RC_ASSERT(router.local.contains(resolved->local));
    if (resolved->through != abi::kNoPeer) {
      RC_ASSERT(resolved->neighbour == abi::kNoNeighbour);
      RC_ASSERT(std::ranges::any_of(ways, [&, remote = remote](const SlowRouter::Way& way) {
        return way.tunnel && resolved->mtu == way.mtu &&
               router.owner(way.device, remote) == resolved->through;
      }));
      continue;
    }
    const auto& neighbour = data_plane->neighbours().at(resolved->neighbour);
    RC_ASSERT(neighbour.port == resolved->port);
    RC_ASSERT(std::ranges::any_of(ways, [&, remote = remote](const SlowRouter::Way& way) {
      return !way.tunnel && resolved->port == way.device && resolved->mtu == way.mtu &&
             neighbour.address == (way.gateway.family == Family::none ? remote : way.gateway);
    }));
  }
  check_nesting();
}

// Whatever the ways are, outer packets come out of tunnels after four at most.
void History::check_nesting() const {
  for (const auto& [peer, remote] : endpoints) {
    int tunnels = 1;
    for (auto at = fib.endpoint(peer); at && at->through != abi::kNoPeer;
         at = fib.endpoint(at->through)) {
      RC_ASSERT(++tunnels <= 4);
    }
  }
}

}  // namespace gotthard::route::test
