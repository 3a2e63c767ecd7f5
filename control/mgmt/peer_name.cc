#include "control/mgmt/peer_name.h"

#include <vector>

namespace gotthard::mgmt {
namespace {

// Gateways have thousands of peers; a sentence has a few.
std::string list(const std::vector<const PeerName*>& peers) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < peers.size() && i < kShown; ++i) {
    text += (i == 0 ? "" : ", ") + peers[i]->full();
  }
  if (peers.size() > kShown) {
    text += fmt::format(" and {} more", peers.size() - kShown);
  }
  return text;
}

}  // namespace

tl::expected<PeerName, Failure> find_peer(std::span<const PeerName> peers,
                                          std::string_view wanted) {
  std::vector<const PeerName*> all;
  std::vector<const PeerName*> found;
  for (const PeerName& peer : peers) {
    all.push_back(&peer);
    if (wanted == peer.full() || wanted == peer.name) {
      found.push_back(&peer);
    }
  }
  if (found.size() == 1) {
    return *found.front();
  }
  if (!found.empty()) {
    return tl::unexpected(
        Failure{"ambiguous_peer",
                fmt::format("'{}' may be any of {}: write one of these", wanted, list(found))});
  }
  return tl::unexpected(Failure{
      "unknown_peer", all.empty()
                          ? fmt::format("there is no peer '{}': there are none "
                                        "at all",
                                        wanted)
                          : fmt::format("there is no peer '{}': peers are {}", wanted, list(all))});
}

}  // namespace gotthard::mgmt
