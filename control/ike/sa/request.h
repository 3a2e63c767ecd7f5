// The one request of ours that waits for its response (the window is 1), what it is about, and what
// waits for its turn.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "control/ike/message/sa_payload.h"
#include "control/ike/sa/types.h"
#include "crypto/secret_bytes.h"

namespace gotthard::ike {

// One side of a key exchange of our own.
struct KeyShare {
  GroupId group = GroupId::none;
  crypto::SecretBytes secret;  // what dh_public() and dh_secret() take
};

// The peer's exchange that does the same as ours did, while ours is under way (RFC 7296, section
// 2.8.1).
struct Crossing {
  std::uint32_t child = 0;  // local SPI of what it made
  SaNumber sa = 0;          // or the IKE SA
  Buffer lowest_nonce;      // of its two
};

// A child that we ask for, in IKE_AUTH or CREATE_CHILD_SA.
struct ChildOffer {
  std::string name;
  std::uint32_t local_spi = 0;
  std::uint32_t replaces = 0;  // local SPI of what it rekeys; 0: none
  std::vector<Proposal> proposals;
  TrafficSelectors local_ts;
  TrafficSelectors remote_ts;
  Buffer nonce;  // of CREATE_CHILD_SA
  KeyShare share;
  unsigned restarts = 0;  // by INVALID_KE_PAYLOAD
  std::optional<Crossing> crossing;
  // SPIs that the peer has deleted meanwhile and that are not known here: one of them may be what
  // it has made of this offer, when its answer was lost.
  std::vector<std::uint32_t> deleted;
};

// The IKE SA that shall replace this one.
struct IkeOffer {
  SaNumber number = 0;
  std::vector<Proposal> proposals;
  Buffer nonce;
  KeyShare share;
  unsigned restarts = 0;
};

struct InitExchange {};
struct AuthExchange {
  std::optional<ChildOffer> child;
};
struct DeleteChildren {
  std::vector<std::uint32_t> local_spis;
};
struct DeleteIke {};
struct Liveness {};

using Exchange = std::variant<InitExchange, AuthExchange, ChildOffer, IkeOffer, DeleteChildren,
                              DeleteIke, Liveness>;

struct Request {
  std::uint32_t id = 0;
  Exchange what;
  std::vector<Buffer> datagrams;
  Nanoseconds again_at = 0;
  Nanoseconds interval = 0;
  unsigned tries = 0;  // again
};

using MessageDigest = std::array<std::byte, 32>;

// To the last request of the peer. Sent again to a duplicate, and to nothing else.
struct Response {
  std::uint32_t id = 0;
  MessageDigest request{};  // of its datagram, or first fragment
  std::vector<Buffer> datagrams;
  Path path;
  // Children that the data plane has to take first: a peer that has the answer may send.
  std::set<std::uint32_t> waits_for;
  Nanoseconds made_at = 0;
  Nanoseconds sent_at = 0;  // last
};

// In the order of their urgency.
struct Task {
  enum class Kind : std::uint8_t {
    delete_ike,
    delete_child,
    rekey_child,
    rekey_ike,
    create_child,
    liveness,
  };
  Kind kind = Kind::liveness;
  std::uint32_t local_spi = 0;  // of delete_child and rekey_child
  std::string child;            // of create_child
  Nanoseconds not_before = 0;
};

}  // namespace gotthard::ike
