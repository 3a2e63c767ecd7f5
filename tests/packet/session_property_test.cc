// Two gateways' session stores through handshakes that cross on the wire in any order: whatever one
// side seals the other opens, and in the end somebody is left to renew the session.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <deque>
#include <ostream>
#include <set>
#include <stdexcept>

#include "crypto/random.h"
#include "crypto/secret.h"
#include "dataplane/manager/session_store.h"

namespace gotthard::packet_test {
namespace {

using namespace dataplane;

constexpr std::uint64_t kTscHz = 1'000'000'000;
constexpr std::uint32_t kPeer = 5;

using Key = std::array<std::uint8_t, 32>;

// Inside a property and outside alike: rapidcheck's assertions say nothing in the latter.
void must(bool holds, const char* what) {
  if (!holds) {
    throw std::logic_error(what);
  }
}

// Keys by direction, as both sides have them after a handshake.
struct Handshake {
  std::uint32_t initiators_id = 0, responders_id = 0;
  Key from_initiator{}, to_initiator{};
};

struct Message {
  enum class Kind : std::uint8_t { initiation, response, data } kind;
  Handshake handshake;
  std::uint32_t receiver = 0;  // of data: the session id that it carries
};

// What a side does with an initiation while it waits for the answer to its own: WireGuard's kinds
// differ.
enum class Manners : std::uint8_t { answers, answers_and_forgets_own, ignores };

std::ostream& operator<<(std::ostream& out, Manners manners) {
  constexpr std::array kNames = {"answers", "answers_and_forgets_own", "ignores"};
  return out << kNames.at(static_cast<std::size_t>(manners));
}

// A gateway with one peer. Its worker is the test; control answers each initiation.
class Side {
 public:
  explicit Side(std::uint32_t first_id) : next_id_(first_id) { rcu_->online(0); }
  ~Side() { quiet(); }
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

  Message initiate() {
    waits_for_ = {.initiators_id = new_id()};
    crypto::random_bytes(std::as_writable_bytes(std::span(waits_for_->from_initiator)));
    crypto::random_bytes(std::as_writable_bytes(std::span(waits_for_->to_initiator)));
    return {.kind = Message::Kind::initiation, .handshake = *waits_for_};
  }

  // What is sent because of it.
  std::optional<Message> receive(const Message& message, Manners manners) {
    switch (message.kind) {
      case Message::Kind::initiation: {
        if (waits_for_ && manners == Manners::ignores) {
          return std::nullopt;
        }
        Handshake answer = message.handshake;
        answer.responders_id = new_id();
        install(answer.responders_id, answer.initiators_id, abi::KeyUse::after_first_inbound,
                answer.to_initiator, answer.from_initiator);
        if (manners == Manners::answers_and_forgets_own) {
          waits_for_.reset();
        }
        return Message{.kind = Message::Kind::response, .handshake = answer};
      }
      case Message::Kind::response:
        if (!waits_for_ || waits_for_->initiators_id != message.handshake.initiators_id) {
          return std::nullopt;
        }
        waits_for_.reset();
        install(message.handshake.initiators_id, message.handshake.responders_id, abi::KeyUse::now,
                message.handshake.from_initiator, message.handshake.to_initiator);
        return seal();  // a keepalive confirms
      case Message::Kind::data:
        open(message.receiver);
        return std::nullopt;
    }
    return std::nullopt;
  }

  // As wg_encap: nothing without a session.
  std::optional<Message> seal() {
    const Session* session = peer().sealing_session();
    if (session == nullptr) {
      return std::nullopt;
    }
    return Message{.kind = Message::Kind::data, .receiver = session->remote_id};
  }

  void tick() {
    store_.tick(kSecond);
    quiet();
  }

  [[nodiscard]] std::uint32_t sealing_id() const {
    const Session* session = peer().sealing_session();
    return session == nullptr ? 0 : session->local_id;
  }
  [[nodiscard]] bool initiated_sealing_session() const {
    const Session* session = peer().sealing_session();
    return session != nullptr && session->initiator;
  }
  [[nodiscard]] const Session* find(std::uint32_t id) const { return shared_->sessions.find(id); }

  // What the store itself must hold to at any time.
  void check() const {
    const Keypairs& pairs = store_.keypairs(kPeer);
    std::set<std::uint32_t> named;
    for (const std::uint32_t id :
         {pairs.previous, pairs.current, pairs.next, pairs.crossed, pairs.crossed_before}) {
      must(id == 0 || named.insert(id).second, "a keypair has one place");
      must(id == 0 || find(id) != nullptr, "a keypair that is named exists");
    }
    for (const auto& [slot, stored] : store_.slots()) {
      must(stored.session == nullptr || named.contains(stored.local_id), "what exists is named");
    }
    must(peer().current.load() == (pairs.current == 0 ? nullptr : find(pairs.current)), "current");
    must(peer().next.load() == (pairs.next == 0 ? nullptr : find(pairs.next)), "next");
  }

 private:
  std::uint32_t new_id() { return next_id_++; }
  [[nodiscard]] const Peer& peer() const { return shared_->peers[kPeer]; }

  void install(std::uint32_t local, std::uint32_t remote, abi::KeyUse use, const Key& send,
               const Key& receive) {
    const abi::SessionInstall command{.local_id = local,
                                      .remote_id = remote,
                                      .peer = kPeer,
                                      .use = use,
                                      .window = 1024,
                                      .message_limit = 1ULL << 60,
                                      .reject_after_ns = 180 * kSecond,
                                      .erase_after_ns = 540 * kSecond,
                                      .send_key = send,
                                      .receive_key = receive};
    must(!store_.install(command, 0, kSecond, 0).has_value(), "a keypair is installed");
  }

  // As wg_decap: by the id that the packet carries.
  void open(std::uint32_t id) {
    Session* session = shared_->sessions.find(id);
    must(session != nullptr, "what the other side seals with is still open");
    session->confirmed.store(true);
  }

  void quiet() {
    rcu_->quiescent(0);
    retired_.poll();
  }

  std::uint32_t next_id_;
  std::optional<Handshake> waits_for_;
  std::unique_ptr<Shared> shared_ = std::make_unique<Shared>();
  std::unique_ptr<Rcu> rcu_ = Rcu::create(1).value();
  RetireList retired_{rcu_.get()};
  KeyRegistry keys_{crypto::Blake2sMac::create().value(), crypto::Secret<32>()};
  crypto::AeadEngine aead_ = crypto::AeadEngine::create(crypto::Backend::portable).value();
  SessionStore store_{
      shared_.get(), &retired_, &keys_, &aead_, kTscHz, 0, [](const abi::EventBody&) {}};
};

// Both sides and the wire between them, which keeps the order of each direction.
class World {
 public:
  // Control begins handshakes five seconds apart: what was sent under the last one has arrived.
  void round(bool first, bool second) {
    std::vector<std::size_t> starts;
    if (first) {
      starts.push_back(0);
    }
    if (second) {
      starts.push_back(1);
    }
    if (starts.size() == 2 && *rc::gen::arbitrary<bool>()) {
      std::swap(starts[0], starts[1]);
    }
    for (Manners& manners : manners_) {
      manners =
          *rc::gen::element(Manners::answers, Manners::answers_and_forgets_own, Manners::ignores);
    }
    const std::size_t steps = *rc::gen::inRange<std::size_t>(4, 24);
    for (std::size_t i = 0; i < steps; ++i) {
      step(&starts);
    }
    for (const std::size_t side : starts) {
      wires_[side].push_back(sides_[side].initiate());
    }
    settle();
  }

  void connect() {
    wires_[0].push_back(sides_[0].initiate());
    settle();
  }

  // Each side answers the other's initiation while it waits, and the second sends a packet before
  // it has seen any of it.
  void crosses_with_data_in_flight() {
    manners_.fill(Manners::answers);
    deliver_all();
    for (const std::size_t side : {0U, 1U}) {
      wires_[side].push_back(sides_[side].initiate());
    }
    deliver(0);
    send(1);
    settle();
  }

  void settle() {
    for (int i = 0; i < 4; ++i) {
      deliver_all();
      send(0);
      send(1);
      tick(0);
      tick(1);
    }
  }

  // Both seal, under sessions that the other has, and one of them is to renew its own.
  void works() const {
    for (const std::size_t side : {0U, 1U}) {
      must(sides_[side].sealing_id() != 0U, "each side can seal");
    }
    must(sides_[0].initiated_sealing_session() || sides_[1].initiated_sealing_session(),
         "one side renews what it seals with");
  }

 private:
  void step(std::vector<std::size_t>* starts) {
    const std::size_t side = *rc::gen::inRange<std::size_t>(0, 2);
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        if (!starts->empty()) {
          wires_[starts->back()].push_back(sides_[starts->back()].initiate());
          starts->pop_back();
        }
        break;
      case 1:
        send(side);
        break;
      case 2:
        tick(side);
        break;
      default:
        deliver(side);
    }
  }
  void deliver_all() {
    while (!wires_[0].empty() || !wires_[1].empty()) {
      deliver(0);
      deliver(1);
    }
  }
  void send(std::size_t side) {
    if (const auto message = sides_[side].seal()) {
      wires_[side].push_back(*message);
    }
  }
  void tick(std::size_t side) {
    sides_[side].tick();
    sides_[side].check();
  }
  void deliver(std::size_t from) {
    if (wires_[from].empty()) {
      return;
    }
    const Message message = wires_[from].front();
    wires_[from].pop_front();
    const std::size_t to = 1 - from;
    if (const auto answer = sides_[to].receive(message, manners_[to])) {
      wires_[to].push_back(*answer);
    }
    sides_[to].check();
  }

  std::array<Side, 2> sides_ = {Side(0x10001), Side(0x20001)};
  std::array<std::deque<Message>, 2> wires_;  // by sender
  std::array<Manners, 2> manners_{};
};

// Both times what the second side sends is sealed with the session that it initiated, which the
// first one keeps as one that crossed.
TEST(SessionStore, HandshakesThatCrossTwiceInARowLoseNothing) {
  World world;
  world.connect();
  world.crosses_with_data_in_flight();
  world.crosses_with_data_in_flight();
  world.works();
}

RC_GTEST_PROP(SessionStoreProperty, NothingIsLostWhenHandshakesCross, ()) {
  World world;
  world.round(true, false);
  world.works();
  const std::size_t rounds = *rc::gen::inRange<std::size_t>(1, 5);
  for (std::size_t i = 0; i < rounds; ++i) {
    world.round(*rc::gen::arbitrary<bool>(), true);
    world.works();
  }
}

}  // namespace
}  // namespace gotthard::packet_test
