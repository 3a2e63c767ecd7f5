// Where a packet goes and who may send it: what model and router are compared by.
#pragma once

#include <cstdint>
#include <map>
#include <ostream>

#include "control/route/address.h"
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

}  // namespace gotthard::route::test
