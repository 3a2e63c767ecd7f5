// The manager's side of peers: their endpoints as header templates that workers read.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "dataplane/abi/records.h"
#include "dataplane/table/rcu.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

struct StoredPeer {
  std::uint16_t interface = 0;
  std::array<std::uint8_t, 32> public_key{};
  abi::PeerSet command;    // as it was told last, its neighbour placed
  bool mentioned = false;  // since the last resync began
};

class PeerStore {
 public:
  PeerStore(Shared* shared, RetireList* retired) : shared_(shared), retired_(retired) {}
  PeerStore(const PeerStore&) = delete;
  PeerStore& operator=(const PeerStore&) = delete;
  ~PeerStore();  // no worker may run any more

  // `sealing_worker`: the only one that seals, or kAnyWorker.
  void set(const abi::PeerSet& command, std::uint8_t sealing_worker);
  void remove(std::uint32_t peer);
  [[nodiscard]] const StoredPeer* find(std::uint32_t peer) const;
  [[nodiscard]] const std::map<std::uint32_t, StoredPeer>& all() const { return peers_; }

  void begin_resync();
  // Peers that were not set since.
  [[nodiscard]] std::vector<std::uint32_t> unmentioned() const;

 private:
  void replace_outer(std::uint32_t peer, const OuterTemplate* outer);

  Shared* shared_;
  RetireList* retired_;
  std::map<std::uint32_t, StoredPeer> peers_;
};

}  // namespace gotthard::dataplane
