// How operators name peers: "wg0/region-b", or "region-b" where only one interface has such a peer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "control/mgmt/protocol.h"

namespace gotthard::mgmt {

struct PeerName {
  std::string interface;
  std::string name;
  std::uint32_t number = 0;

  [[nodiscard]] std::string full() const { return interface + "/" + name; }
};

// The one that is meant. The failure lists what may be.
tl::expected<PeerName, Failure> find_peer(std::span<const PeerName> peers, std::string_view wanted);

}  // namespace gotthard::mgmt
