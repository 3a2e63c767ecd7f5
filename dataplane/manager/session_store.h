// The manager's side of sessions: installs them, rotates {previous, current, next}, enforces ages
// and erases keys, whether control lives or not. Only the manager's thread calls it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "crypto/hash.h"
#include "dataplane/abi/records.h"
#include "dataplane/manager/key_registry.h"
#include "dataplane/table/rcu.h"
#include "dataplane/worker_context.h"

namespace gotthard::dataplane {

// Local ids; 0 is none.
struct Keypairs {
  std::uint32_t previous = 0;
  std::uint32_t current = 0;
  std::uint32_t next = 0;
  std::uint32_t crossed = 0;  // see make_current()
  std::uint32_t crossed_before = 0;
};

struct StoredSession {
  Session* session = nullptr;  // null while the id is being retired
  std::uint32_t local_id = 0;
  std::uint32_t peer = 0;
  bool initiator = false;
  bool told_soft = false;
  bool told_hard = false;
  std::uint64_t soft_packets = 0;  // 0: none
  std::uint64_t soft_bytes = 0;
  Nanoseconds soft_at = 0;
  Nanoseconds installed = 0;
  Nanoseconds reject_at = 0;
  Nanoseconds erase_at = 0;
};

class SessionStore {
 public:
  // Where what happened by itself is told: confirmed and erased sessions.
  using EventSink = std::function<void(const abi::EventBody&)>;

  SessionStore(Shared* shared, RetireList* retired, KeyRegistry* keys,
               const crypto::AeadEngine* aead, std::uint64_t tsc_hz, int socket, EventSink events);
  SessionStore(const SessionStore&) = delete;
  SessionStore& operator=(const SessionStore&) = delete;
  ~SessionStore();  // no worker may run any more

  // Nothing: installed. The caller wipes the command.
  std::optional<abi::Refusal> install(const abi::SessionInstall& command, std::uint16_t interface,
                                      Nanoseconds now, std::uint64_t now_tsc);
  std::optional<abi::Refusal> install(const abi::SaInstall& command, std::uint16_t interface,
                                      Nanoseconds now, std::uint64_t now_tsc);
  void remove(std::uint32_t local_id);
  // Removed then; until then it opens, and seals only while there is no other.
  void linger(std::uint32_t local_id, Nanoseconds until);
  // Seals from now on. False: there is no such session.
  bool use(std::uint32_t local_id);
  void remove_peer(std::uint32_t peer);

  // Some ten times a second or more: rotations that workers have asked for, ages. What it costs
  // does not grow with the number of sessions.
  void tick(Nanoseconds now);

  [[nodiscard]] const std::map<std::uint32_t, StoredSession>& slots() const { return slots_; }
  [[nodiscard]] const Keypairs& keypairs(std::uint32_t peer) const { return keypairs_[peer]; }

 private:
  // What both kinds of session are made of.
  struct Terms;
  static constexpr std::uint32_t slot_of(std::uint32_t local_id) {
    return local_id & abi::kSlotMask;
  }
  std::optional<abi::Refusal> install(const Terms& terms, Nanoseconds now, std::uint64_t now_tsc);
  void look_for_limits(Nanoseconds now);
  void make_current(std::uint32_t peer, std::uint32_t local_id, Session* session);
  void make_next(std::uint32_t peer, std::uint32_t local_id, Session* session);
  void confirm(std::uint32_t peer);
  void retire(std::uint32_t local_id);
  void forget(std::uint32_t peer, std::uint32_t local_id);
  [[nodiscard]] Session* find(std::uint32_t local_id) const;
  void look_for_confirmed();
  void come_of_age(std::uint32_t local_id, Nanoseconds now);

  Shared* shared_;
  RetireList* retired_;
  KeyRegistry* keys_;
  const crypto::AeadEngine* aead_;  // expands keys in the workers' form
  std::uint64_t tsc_hz_;
  int socket_;
  EventSink events_;
  std::map<std::uint32_t, StoredSession> slots_;  // by slot
  std::vector<Keypairs> keypairs_;                // by peer
  std::set<std::uint32_t> unconfirmed_;           // peers with a next keypair
  std::uint32_t last_looked_at_ = 0;              // of those
  std::set<std::uint32_t> limited_;               // slots of SAs that have limits
  Nanoseconds look_at_limits_ = 0;

  // When to look at a session again. Those of sessions that are gone stay until their time.
  struct Age {
    Nanoseconds at;
    std::uint32_t local_id;
    bool operator>(const Age& other) const { return at > other.at; }
  };
  std::priority_queue<Age, std::vector<Age>, std::greater<>> ages_;
};

}  // namespace gotthard::dataplane
