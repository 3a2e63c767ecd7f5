#include "dataplane/manager/session_store.h"

#include <rte_malloc.h>

#include <algorithm>
#include <new>
#include <span>
#include <utility>

#include "crypto/bytes.h"

namespace gotthard::dataplane {
namespace {

constexpr std::uint32_t slot_of(std::uint32_t local_id) { return local_id & abi::kSlotMask; }

void destroy(Session* session) {
  session->~Session();  // wipes the keys
  rte_free(session);
}

// In DPDK's memory: locked, left out of dumps, near the workers. The window lies behind the
// session.
Session* allocate(const abi::SessionInstall& command, const crypto::AeadEngine& aead, int socket) {
  const std::size_t window_size = ReplayWindow::memory_size(command.window);
  void* memory =
      rte_zmalloc_socket("session", sizeof(Session) + window_size, alignof(Session), socket);
  if (memory == nullptr) {
    return nullptr;
  }
  auto* session = new (memory) Session();
  const auto expand = [&](const std::array<std::uint8_t, 32>& key, crypto::AeadKey& out) {
    return aead.expand(crypto::Suite::chacha20_poly1305, crypto::bytes_of(key), out).has_value();
  };
  if (!expand(command.send_key, session->seal_key) ||
      !expand(command.receive_key, session->open_key)) {
    destroy(session);
    return nullptr;
  }
  session->window.attach(static_cast<std::byte*>(memory) + sizeof(Session), command.window);
  return session;
}

}  // namespace

SessionStore::SessionStore(Shared* shared, RetireList* retired, KeyRegistry* keys,
                           const crypto::AeadEngine* aead, std::uint64_t tsc_hz, int socket,
                           EventSink events)
    : shared_(shared),
      retired_(retired),
      keys_(keys),
      aead_(aead),
      tsc_hz_(tsc_hz),
      socket_(socket),
      events_(std::move(events)),
      keypairs_(abi::kMaxPeers) {}

SessionStore::~SessionStore() {
  for (auto& [slot, stored] : slots_) {
    if (stored.session != nullptr) {
      shared_->sessions.publish(slot, nullptr);
      destroy(stored.session);
    }
  }
}

std::optional<abi::Refusal> SessionStore::install(const abi::SessionInstall& command,
                                                  std::uint16_t interface, Nanoseconds now,
                                                  std::uint64_t now_tsc) {
  if (slots_.contains(slot_of(command.local_id))) {
    return abi::Refusal::slot_in_use;
  }
  if (!keys_->admit(std::as_bytes(std::span(command.send_key)),
                    std::as_bytes(std::span(command.receive_key)))) {
    return abi::Refusal::key_reused;
  }
  Session* session = allocate(command, *aead_, socket_);
  if (session == nullptr) {
    return abi::Refusal::no_memory;
  }
  const bool initiator = command.use == abi::KeyUse::now;
  session->local_id = command.local_id;
  session->remote_id = command.remote_id;
  session->peer = command.peer;
  session->interface = interface;
  session->initiator = initiator;
  session->message_limit = command.message_limit;
  // Seconds and the rest apart: nanoseconds times TSC rate overflow 64 bits after some seconds.
  session->reject_at_tsc = now_tsc + command.reject_after_ns / kSecond * tsc_hz_ +
                           command.reject_after_ns % kSecond * tsc_hz_ / kSecond;

  const StoredSession& stored = slots_[slot_of(command.local_id)] =
      StoredSession{.session = session,
                    .local_id = command.local_id,
                    .peer = command.peer,
                    .initiator = initiator,
                    .installed = now,
                    .reject_at = now + command.reject_after_ns,
                    .erase_at = now + command.erase_after_ns};
  ages_.push({.at = stored.reject_at, .local_id = stored.local_id});
  ages_.push({.at = stored.erase_at, .local_id = stored.local_id});
  shared_->sessions.publish(command.local_id, session);
  if (initiator) {
    make_current(command.peer, command.local_id, session);
  } else {
    make_next(command.peer, command.local_id, session);
  }
  return std::nullopt;
}

// We initiated: the peer has the keys already. What was current stays for packets on their way. A
// next that still waits was crossed by this handshake: the peer may seal with it, so it opens
// packets, but it is never confirmed. Otherwise each side could end with the session that the other
// one initiated, and none would renew it.
void SessionStore::make_current(std::uint32_t peer, std::uint32_t local_id, Session* session) {
  Keypairs& pairs = keypairs_[peer];
  const std::uint32_t replaced = std::exchange(pairs.previous, pairs.current);
  pairs.current = local_id;
  shared_->peers[peer].current.store(session, std::memory_order_release);
  retire(replaced);
  if (pairs.next != 0) {
    shared_->peers[peer].next.store(nullptr, std::memory_order_release);
    unconfirmed_.erase(peer);
    retire(std::exchange(pairs.crossed, std::exchange(pairs.next, 0)));
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

void SessionStore::remove(std::uint32_t local_id) {
  const auto found = slots_.find(slot_of(local_id));
  if (found != slots_.end() && found->second.local_id == local_id) {
    forget(found->second.peer, local_id);
    retire(local_id);
  }
}

void SessionStore::remove_peer(std::uint32_t peer) {
  std::vector<std::uint32_t> ids;
  for (const auto& [slot, stored] : slots_) {
    if (stored.peer == peer) {
      ids.push_back(stored.local_id);
    }
  }
  for (const std::uint32_t id : ids) {
    remove(id);
  }
}

void SessionStore::forget(std::uint32_t peer, std::uint32_t local_id) {
  Keypairs& pairs = keypairs_[peer];
  if (pairs.current == local_id) {
    pairs.current = 0;
    shared_->peers[peer].current.store(nullptr, std::memory_order_release);
  }
  if (pairs.next == local_id) {
    pairs.next = 0;
    shared_->peers[peer].next.store(nullptr, std::memory_order_release);
    unconfirmed_.erase(peer);
  }
  if (pairs.previous == local_id) {
    pairs.previous = 0;
  }
  if (pairs.crossed == local_id) {
    pairs.crossed = 0;
  }
}

// Workers cannot find it any more from here on; once none can still be using it, the keys are wiped
// and the slot is free.
void SessionStore::retire(std::uint32_t local_id) {
  const auto found = slots_.find(slot_of(local_id));
  if (local_id == 0 || found == slots_.end() || found->second.session == nullptr) {
    return;
  }
  Session* session = std::exchange(found->second.session, nullptr);
  shared_->sessions.publish(local_id, nullptr);
  retired_->defer([this, session, local_id] {
    destroy(session);
    slots_.erase(slot_of(local_id));
    events_(abi::SessionErased{.local_id = local_id});
  });
}

void SessionStore::tick(Nanoseconds now) {
  look_for_confirmed();
  while (!ages_.empty() && ages_.top().at <= now) {
    const std::uint32_t local_id = ages_.top().local_id;
    ages_.pop();
    come_of_age(local_id, now);
  }
}

// Some at a time, in turn: with peers that never confirm there may be very many.
void SessionStore::look_for_confirmed() {
  constexpr std::size_t kAtOnce = 256;
  std::vector<std::uint32_t> confirmed;
  auto next = unconfirmed_.upper_bound(last_looked_at_);
  for (std::size_t n = std::min(kAtOnce, unconfirmed_.size()); n > 0; --n, ++next) {
    next = next == unconfirmed_.end() ? unconfirmed_.begin() : next;
    last_looked_at_ = *next;
    const Session* session = find(keypairs_[*next].next);
    if (session != nullptr && session->confirmed.load(std::memory_order_relaxed)) {
      confirmed.push_back(*next);
    }
  }
  for (const std::uint32_t peer : confirmed) {
    confirm(peer);
  }
}

// The id may be another session's by now: its own times count.
void SessionStore::come_of_age(std::uint32_t local_id, Nanoseconds now) {
  const auto found = slots_.find(slot_of(local_id));
  if (found == slots_.end() || found->second.local_id != local_id ||
      found->second.session == nullptr) {
    return;
  }
  if (now >= found->second.erase_at) {
    remove(local_id);
  } else if (now >= found->second.reject_at) {
    found->second.session->reject_at_tsc.store(0, std::memory_order_relaxed);
  }
}

Session* SessionStore::find(std::uint32_t local_id) const {
  const auto found = slots_.find(slot_of(local_id));
  return found != slots_.end() && found->second.local_id == local_id ? found->second.session
                                                                     : nullptr;
}

}  // namespace gotthard::dataplane
