#include "dataplane/manager/session_store.h"

#include <rte_malloc.h>

#include <algorithm>
#include <new>
#include <span>
#include <utility>

#include "crypto/bytes.h"
#include "dataplane/wire/esp.h"

namespace gotthard::dataplane {
namespace {

constexpr Nanoseconds kLimitsEvery = 20 * kMillisecond;

void destroy(Session* session) {
  session->~Session();  // wipes the keys
  rte_free(session);
}

}  // namespace

struct SessionStore::Terms {
  std::uint32_t local_id, remote_id, peer;
  std::uint16_t interface;
  crypto::Suite suite;
  SessionKind kind;
  bool now;  // seals at once
  std::uint32_t window;
  std::uint64_t message_limit, reject_after_ns, erase_after_ns;
  std::span<const std::byte> send_key, receive_key;  // without salts
  const abi::SaInstall* sa = nullptr;
};

namespace {

// In DPDK's memory: locked, left out of dumps, near the workers. The window lies behind the
// session.
template <typename Terms>
Session* allocate(const Terms& terms, const crypto::AeadEngine& aead, int socket) {
  const std::size_t window_size = ReplayWindow::memory_size(terms.window);
  void* memory =
      rte_zmalloc_socket("session", sizeof(Session) + window_size, alignof(Session), socket);
  if (memory == nullptr) {
    return nullptr;
  }
  auto* session = new (memory) Session();
  if (!aead.expand(terms.suite, terms.send_key, session->seal_key) ||
      !aead.expand(terms.suite, terms.receive_key, session->open_key)) {
    destroy(session);
    return nullptr;
  }
  session->window.attach(static_cast<std::byte*>(memory) + sizeof(Session), terms.window);
  return session;
}

std::uint64_t limit_or_none(std::uint64_t limit) { return limit == 0 ? kNoLimit : limit; }

// Salts follow the keys (RFC 4106, 8.1). What is sent begins at 1 (RFC 4303, 3.3.3).
void make_esp(Session* session, const abi::SaInstall& command, std::size_t key_size) {
  const auto salt = [&](const std::array<std::uint8_t, abi::kMaxSaKey>& key) {
    crypto::Secret<4> result;
    const std::size_t size = command.key_length - key_size;
    std::copy_n(std::as_bytes(std::span(key)).data() + key_size, size, result.bytes().data());
    return result;
  };
  session->seal_salt = salt(command.send_key);
  session->open_salt = salt(command.receive_key);
  session->transport_mode = (command.options & abi::kTransportMode) != 0;
  const crypto::SuiteTraits& sizes = crypto::traits_of(static_cast<crypto::Suite>(command.suite));
  session->usual_esp = !session->transport_mode && sizes.iv == kUsualIv && sizes.tag == kUsualTag &&
                       sizes.alignment <= wire::kEspAlignment;
  // Bytes are counted where there is any limit of them.
  session->byte_limit = command.hard_bytes != 0   ? command.hard_bytes
                        : command.soft_bytes != 0 ? kNoLimit - 1
                                                  : kNoLimit;
  session->open_packet_limit = limit_or_none(command.hard_packets);
  session->counts = command.hard_bytes != 0 || command.hard_packets != 0 ||
                    command.soft_bytes != 0 || command.soft_packets != 0;
  session->next_counter.store(1, std::memory_order_relaxed);
}

// The number that is never sent. A hard limit of packets is one of numbers, as they begin at 1.
std::uint64_t esp_message_limit(const abi::SaInstall& command) {
  const bool extended = (command.options & abi::kExtendedSequence) != 0;
  const std::uint64_t most = extended ? std::uint64_t{1} << 63 : std::uint64_t{1} << 32;
  return command.hard_packets == 0 ? most : std::min(most, command.hard_packets + 1);
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
  return install(Terms{.local_id = command.local_id,
                       .remote_id = command.remote_id,
                       .peer = command.peer,
                       .interface = interface,
                       .suite = crypto::Suite::chacha20_poly1305,
                       .kind = SessionKind::wireguard,
                       .now = command.use == abi::KeyUse::now,
                       .window = command.window,
                       .message_limit = command.message_limit,
                       .reject_after_ns = command.reject_after_ns,
                       .erase_after_ns = command.erase_after_ns,
                       .send_key = crypto::bytes_of(command.send_key),
                       .receive_key = crypto::bytes_of(command.receive_key)},
                 now, now_tsc);
}

std::optional<abi::Refusal> SessionStore::install(const abi::SaInstall& command,
                                                  std::uint16_t interface, Nanoseconds now,
                                                  std::uint64_t now_tsc) {
  static_assert(abi::kSaSuites == crypto::kSuites);
  const auto suite = static_cast<crypto::Suite>(command.suite);
  const std::size_t key_size = crypto::key_size(suite);
  if (command.key_length != key_size + crypto::salt_size(suite)) {
    return abi::Refusal::invalid;
  }
  const bool extended = (command.options & abi::kExtendedSequence) != 0;
  return install(Terms{.local_id = command.local_id,
                       .remote_id = command.remote_id,
                       .peer = command.peer,
                       .interface = interface,
                       .suite = suite,
                       .kind = extended ? SessionKind::esp_extended : SessionKind::esp,
                       .now = command.use == abi::KeyUse::now,
                       .window = command.window,
                       .message_limit = esp_message_limit(command),
                       .reject_after_ns = command.reject_after_ns,
                       .erase_after_ns = command.erase_after_ns,
                       .send_key = crypto::bytes_of(command.send_key).first(key_size),
                       .receive_key = crypto::bytes_of(command.receive_key).first(key_size),
                       .sa = &command},
                 now, now_tsc);
}

std::optional<abi::Refusal> SessionStore::install(const Terms& terms, Nanoseconds now,
                                                  std::uint64_t now_tsc) {
  const std::uint32_t slot = slot_of(terms.local_id);
  if (slots_.contains(slot)) {
    return abi::Refusal::slot_in_use;
  }
  if (!keys_->admit(terms.send_key, terms.receive_key)) {
    return abi::Refusal::key_reused;
  }
  Session* session = allocate(terms, *aead_, socket_);
  if (session == nullptr) {
    return abi::Refusal::no_memory;
  }
  session->local_id = terms.local_id;
  session->remote_id = terms.remote_id;
  session->peer = terms.peer;
  session->interface = terms.interface;
  session->initiator = terms.now;
  session->kind = terms.kind;
  session->message_limit = terms.message_limit;
  // Seconds and the rest apart: nanoseconds times TSC rate overflow 64 bits after some seconds.
  session->reject_at_tsc = now_tsc + terms.reject_after_ns / kSecond * tsc_hz_ +
                           terms.reject_after_ns % kSecond * tsc_hz_ / kSecond;

  StoredSession& stored = slots_[slot] = StoredSession{.session = session,
                                                       .local_id = terms.local_id,
                                                       .peer = terms.peer,
                                                       .initiator = terms.now,
                                                       .installed = now,
                                                       .reject_at = now + terms.reject_after_ns,
                                                       .erase_at = now + terms.erase_after_ns};
  if (terms.sa != nullptr) {
    make_esp(session, *terms.sa, terms.send_key.size());
    stored.soft_packets = terms.sa->soft_packets;
    stored.soft_bytes = terms.sa->soft_bytes;
    stored.soft_at = terms.sa->soft_after_ns == 0 ? 0 : now + terms.sa->soft_after_ns;
    limited_.insert(slot);
  }
  ages_.push({.at = stored.reject_at, .local_id = stored.local_id});
  ages_.push({.at = stored.erase_at, .local_id = stored.local_id});
  shared_->sessions.publish(terms.local_id, session);
  if (terms.now) {
    make_current(terms.peer, terms.local_id, session);
  } else {
    make_next(terms.peer, terms.local_id, session);
  }
  return std::nullopt;
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
  if (pairs.crossed_before == local_id) {
    pairs.crossed_before = 0;
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
  limited_.erase(found->first);
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
  if (now >= look_at_limits_) {
    look_at_limits_ = now + kLimitsEvery;
    look_for_limits(now);
  }
}

// Workers stop by themselves at what is hard; control is told of both, once.
void SessionStore::look_for_limits(Nanoseconds now) {
  const auto over = [](std::uint64_t sum, std::uint64_t limit) {
    return limit != 0 && sum >= limit;
  };
  for (const std::uint32_t slot : limited_) {
    StoredSession& stored = slots_.at(slot);
    const Session& session = *stored.session;
    const auto read = [](const auto& sum) { return sum.load(std::memory_order_relaxed); };
    const bool hard = read(session.exhausted) || session.opened_enough() || now >= stored.reject_at;
    const bool soft = over(read(session.next_counter) - 1, stored.soft_packets) ||
                      over(read(session.opened_packets), stored.soft_packets) ||
                      over(read(session.sent_bytes), stored.soft_bytes) ||
                      over(read(session.opened_bytes), stored.soft_bytes) ||
                      over(now, stored.soft_at);
    if (hard && !stored.told_hard) {
      stored.told_hard = true;
      stored.told_soft = true;
      events_(abi::SaAging{.local_id = stored.local_id, .hard = 1});
    } else if (soft && !stored.told_soft) {
      stored.told_soft = true;
      events_(abi::SaAging{.local_id = stored.local_id, .hard = 0});
    }
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
