// An IKE SA, from its first message on. Files named for exchanges change it; nothing of it is
// shared.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/ike/auth/auth_data.h"
#include "control/ike/keys/derive.h"
#include "control/ike/message/encrypted_payload.h"
#include "control/ike/sa/child_sa.h"
#include "control/ike/sa/diagnosis.h"
#include "control/ike/sa/request.h"
#include "control/ike/sa/settings.h"

namespace gotthard::ike {

// What is needed until both sides have shown who they are.
struct Handshake {
  KeyShare share;
  Buffer peer_share;  // of a responder: the secret is computed when IKE_AUTH comes, not before
  Buffer nonce_initiator;
  Buffer nonce_responder;
  Buffer init_request;  // whole messages, which AUTH is taken over
  Buffer init_response;
  Buffer cookie;
  unsigned restarts = 0;              // by COOKIE or INVALID_KE_PAYLOAD
  std::vector<std::string> children;  // wanted by this attempt
  Nanoseconds begun = 0;
};

// What the peer has said that it can.
struct PeerFeatures {
  bool nat_detection = false;
  bool fragmentation = false;
  bool childless = false;
  HashAlgorithms hashes;
};

struct IkeSa {
  enum class State : std::uint8_t {
    connecting,  // initiator: IKE_SA_INIT or IKE_AUTH is under way
    half_open,   // responder: nobody has shown who he is
    established,
    replaced,  // by a rekey: the new one has the children
    closing,   // our DELETE is on its way
    gone,      // forgotten at the end of this turn
  };

  SaNumber number = 0;
  bool initiator = false;  // the original one of this SA
  State state = State::connecting;
  Spis spis;
  ConnectionPtr connection;
  Path path;
  bool marked = false;  // messages go between the ports of ESP in UDP
  bool nat_here = false;
  bool nat_there = false;
  PeerFeatures peer;
  IkeSuite suite;
  IkeKeys keys;
  Identity local_id;
  Identity remote_id;
  std::vector<crypto::Certificate> remote_chain;  // its own first; checked anew after a reload

  std::uint32_t next_request = 0;
  std::uint32_t next_expected = 0;
  std::optional<Request> request;
  std::optional<Response> response;
  Reassembly request_pieces;
  Reassembly response_pieces;
  MessageDigest first_piece{};  // of the request that is put together
  std::vector<Task> tasks;
  std::vector<ChildSa> children;

  std::uint64_t next_iv = 0;
  std::uint64_t iv_end = 0;  // committed up to here

  Nanoseconds established_at = 0;
  Nanoseconds rekey_at = 0;  // 0: never
  Nanoseconds reauth_at = 0;
  Nanoseconds expire_at = 0;
  Nanoseconds heard_at = 0;
  Nanoseconds first_heard_at = 0;        // or begun
  Nanoseconds end_at = 0;                // then it is deleted, for another that does what it did
  Buffer lowest_nonce;                   // of those that made it: decides between two made at once
  SaNumber replaces = 0;                 // of a reauthentication: closed when this one is up
  SaNumber crossed = 0;                  // made by the peer's rekey while ours was under way
  bool settled = true;                   // false: which of two rekeys wins is not known yet
  bool announced = false;                // IkeUp was said, and no IkeDown
  bool kept = false;                     // there is a checkpoint of it
  Path first_path;                       // by which a half-open one is counted
  std::unique_ptr<Handshake> handshake;  // null once established

  [[nodiscard]] const crypto::MessageKeys& our_keys() const {
    return initiator ? keys.initiator : keys.responder;
  }
  [[nodiscard]] const crypto::MessageKeys& peer_keys() const {
    return initiator ? keys.responder : keys.initiator;
  }
  [[nodiscard]] bool has_nat() const {
    return peer.nat_detection &&
           (nat_here || nat_there || connection->encapsulation == UdpEncapsulation::forced);
  }
  [[nodiscard]] bool usable() const { return state == State::established; }
  [[nodiscard]] bool alive() const { return state != State::gone; }
  [[nodiscard]] ChildSa* child_by_local(std::uint32_t spi) {
    return find(&ChildSa::local_spi, spi);
  }
  [[nodiscard]] ChildSa* child_by_remote(std::uint32_t spi) {
    return find(&ChildSa::remote_spi, spi);
  }
  template <typename What>
  [[nodiscard]] What* waiting_for() {
    return request ? std::get_if<What>(&request->what) : nullptr;
  }
  // Ours, and nobody has answered it yet: nothing but itself is lost with it.
  [[nodiscard]] bool unanswered() {
    return state == State::connecting && waiting_for<InitExchange>() != nullptr;
  }

 private:
  [[nodiscard]] ChildSa* find(std::uint32_t ChildSa::*member, std::uint32_t spi) {
    const auto found = std::ranges::find(children, spi, member);
    return found == children.end() ? nullptr : &*found;
  }
};

}  // namespace gotthard::ike
