// Which of a peer's sessions seals: by whom they were made, by what the peer was heard under, by
// what IKE says.
#include <utility>

#include "dataplane/manager/session_store.h"

namespace gotthard::dataplane {

// We initiated: the peer has the keys already. What was current stays for packets on their way. A
// next that still waits was crossed by this handshake: the peer may seal with it, so it opens
// packets, but it is never confirmed. Otherwise each side could end with the session that the other
// one initiated, and none would renew it. Handshakes may cross twice in a row: what the peer sealed
// with the one that crossed before is still on its way then, as with what was current.
void SessionStore::make_current(std::uint32_t peer, std::uint32_t local_id, Session* session) {
  Keypairs& pairs = keypairs_[peer];
  const std::uint32_t replaced = std::exchange(pairs.previous, pairs.current);
  pairs.current = local_id;
  shared_->peers[peer].current.store(session, std::memory_order_release);
  retire(replaced);
  if (pairs.next != 0) {
    shared_->peers[peer].next.store(nullptr, std::memory_order_release);
    unconfirmed_.erase(peer);
    retire(std::exchange(pairs.crossed_before,
                         std::exchange(pairs.crossed, std::exchange(pairs.next, 0))));
  }
}

void SessionStore::make_next(std::uint32_t peer, std::uint32_t local_id, Session* session) {
  Keypairs& pairs = keypairs_[peer];
  const std::uint32_t replaced = std::exchange(pairs.next, local_id);
  shared_->peers[peer].next.store(session, std::memory_order_release);
  unconfirmed_.insert(peer);
  retire(replaced);
}

// A packet under `next` was opened: the peer uses it, and so do workers by now.
void SessionStore::confirm(std::uint32_t peer) {
  Keypairs& pairs = keypairs_[peer];
  const std::uint32_t replaced = std::exchange(pairs.previous, pairs.current);
  pairs.current = std::exchange(pairs.next, 0);
  shared_->peers[peer].current.store(find(pairs.current), std::memory_order_release);
  shared_->peers[peer].next.store(nullptr, std::memory_order_release);
  unconfirmed_.erase(peer);
  events_(abi::SessionConfirmed{.local_id = pairs.current});
  retire(replaced);
}

void SessionStore::linger(std::uint32_t local_id, Nanoseconds until) {
  const auto found = slots_.find(slot_of(local_id));
  if (found == slots_.end() || found->second.local_id != local_id ||
      found->second.erase_at <= until) {
    return;
  }
  const Keypairs& pairs = keypairs_[found->second.peer];
  if (pairs.current == local_id && pairs.next != 0) {
    confirm(found->second.peer);
  }
  found->second.erase_at = until;
  ages_.push({.at = until, .local_id = local_id});
}

// Whichever place it has: IKE says which of two that crossed stays (RFC 7296, 2.8.1).
bool SessionStore::use(std::uint32_t local_id) {
  const auto found = slots_.find(slot_of(local_id));
  if (local_id == 0 || found == slots_.end() || found->second.local_id != local_id ||
      found->second.session == nullptr) {
    return false;
  }
  const std::uint32_t peer = found->second.peer;
  Keypairs& pairs = keypairs_[peer];
  if (pairs.current == local_id) {
    return true;
  }
  if (pairs.next == local_id) {
    confirm(peer);
    return true;
  }
  for (std::uint32_t* place : {&pairs.previous, &pairs.crossed, &pairs.crossed_before}) {
    if (*place == local_id) {
      *place = std::exchange(pairs.current, local_id);
    }
  }
  shared_->peers[peer].current.store(found->second.session, std::memory_order_release);
  return true;
}

}  // namespace gotthard::dataplane
