// Changes to a running control, with the data plane beside it.
#pragma once

#include <utility>
#include <vector>

#include "tests/unit/control_sides.h"

namespace gotthard::control::test {

class ChangeTest : public TunnelsTest {
 protected:
  tl::expected<void, ChangeRefused> apply(InterfaceChange change) {
    return apply(0, std::move(change));
  }
  tl::expected<void, ChangeRefused> apply(std::uint16_t interface, InterfaceChange change) {
    std::vector<TunnelChange> changes;
    changes.push_back({interface, std::move(change)});
    return apply(std::move(changes));
  }
  tl::expected<void, ChangeRefused> apply(std::vector<TunnelChange> changes) {
    auto applied = a_->control->tunnels->apply(std::move(changes));
    a_->turn();
    return applied;
  }
  tl::expected<void, ChangeRefused> apply(PeerChange peer) {
    InterfaceChange change;
    change.peers.push_back(std::move(peer));
    return apply(std::move(change));
  }
  static PeerChange about(std::uint8_t n) {
    PeerChange peer;
    peer.public_key = crypto::public_key(private_key(n));
    return peer;
  }
  [[nodiscard]] const TunnelPeer* peer(std::uint8_t n) const {
    for (const auto& [number, peer] : a_->control->tunnels->peers()) {
      if (peer.settings.public_key == crypto::public_key(private_key(n))) {
        return &peer;
      }
    }
    return nullptr;
  }
};

}  // namespace gotthard::control::test
