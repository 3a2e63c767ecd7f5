// The manager's side of peers: their endpoints as header templates that workers read.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/abi/records.h"
#include "dataplane/table/rcu.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

// What a path takes, as routers on it have said.
struct PathLimit {
  std::uint16_t outer = 0;
  std::uint16_t inner = 0;  // of it, for inner packets
};

struct StoredPeer {
  std::uint16_t interface = 0;
  std::array<std::uint8_t, 32> public_key{};
  abi::PeerSet command;  // as it was told last, its neighbour placed
  std::optional<PathLimit> path;
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

  // False: nothing changes, it takes no more than that already. Another endpoint has another path.
  bool limit_path(std::uint32_t peer, const PathLimit& limit);
  void forget_path(std::uint32_t peer);

  void begin_resync();
  // Peers that were not set since.
  [[nodiscard]] std::vector<std::uint32_t> unmentioned() const;

 private:
  void renew_outer(const StoredPeer& stored);
  void replace_outer(std::uint32_t peer, const OuterTemplate* outer);

  Shared* shared_;
  RetireList* retired_;
  std::map<std::uint32_t, StoredPeer> peers_;
};

}  // namespace gotthard::dataplane
