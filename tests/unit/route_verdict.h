// Where a packet goes and who may send it: what model and router are compared by.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <map>
#include <ostream>
#include <vector>

#include "control/route/address.h"
#include "dataplane/abi/records.h"

namespace gotthard::route::test {

// What of a packet decides where it goes.
struct PacketHead {
  Address to;
  std::uint8_t dscp = 0;
  Address from;
};

struct Verdict {
  int kind = 0;  // abi::HopKind, 0 for no route
  bool allow_plain = false;
  std::uint16_t port = 0;
  std::uint16_t interface = 0;
  std::uint16_t mtu = 0;
  std::uint32_t peer = abi::kNoPeer;
  Address neighbour;
  unsigned weight = 1;
  std::vector<Verdict> ways;  // sorted, each once

  auto tie() const {
    return std::tie(kind, allow_plain, port, interface, mtu, peer, neighbour, weight);
  }
  bool operator==(const Verdict& other) const { return tie() == other.tie() && ways == other.ways; }
  bool operator<(const Verdict& other) const { return tie() < other.tie(); }
};

// One of several: those that are alike are one.
inline Verdict shared(std::vector<Verdict> ways) {
  Verdict result;
  result.kind = static_cast<int>(abi::HopKind::group);
  for (Verdict way : ways) {
    const unsigned weight = std::exchange(way.weight, 0);
    const auto at = std::ranges::find_if(result.ways, [&](const Verdict& other) {
      Verdict same = other;
      same.weight = 0;
      return same == way;
    });
    if (at != result.ways.end()) {
      at->weight += weight;
    } else {
      way.weight = weight;
      result.ways.push_back(way);
    }
  }
  if (result.ways.size() == 1) {
    Verdict only = result.ways[0];
    only.weight = 1;
    return only;
  }
  std::sort(result.ways.begin(), result.ways.end());
  return result;
}

inline std::ostream& operator<<(std::ostream& out, const Verdict& v) {
  out << "{kind " << v.kind << " plain " << v.allow_plain << " port " << v.port << " interface "
      << v.interface << " mtu " << v.mtu << " peer " << v.peer << " neighbour "
      << static_cast<int>(v.neighbour.bytes[3]) << "/" << static_cast<int>(v.neighbour.bytes[15])
      << " weight " << v.weight;
  for (const Verdict& way : v.ways) {
    out << " " << way;
  }
  return out << "}";
}

using OwnerMap = std::map<std::uint16_t, std::uint32_t>;  // interface to peer

}  // namespace gotthard::route::test
