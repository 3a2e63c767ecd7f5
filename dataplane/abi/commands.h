// What control tells the manager.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <variant>

#include "dataplane/abi/address.h"

namespace gotthard::abi {

// Everything sent after ResyncBegin is the whole wanted state: what ResyncEnd finds not mentioned
// since is removed. Sessions are kept: control lists those it knows no more by SessionRemove.
struct ResyncBegin {
  std::uint8_t unused = 0;
};
struct ResyncEnd {
  std::uint8_t unused = 0;
};

inline constexpr std::uint8_t kCopyDscp = 1;  // outer packets have the inner ones' DSCP, not zero
inline constexpr std::uint8_t kClampMss = 2;  // TCP segments are made to fit the MTU
// ESP: what is too long and may be cut is sealed whole, and cut outside (RFC 4301, 7).
inline constexpr std::uint8_t kFragmentAfter = 4;
// IPsec: control speaks IKE. What comes for kIkePort, and behind the non-ESP marker for the port of
// ESP in UDP (RFC 3948, 2.2), is punted, marker and all.
inline constexpr std::uint8_t kSpeaksIke = 8;
inline constexpr std::uint16_t kIkePort = 500;  // host byte order

inline constexpr std::uint8_t kMaxSourcePorts = 64;
inline constexpr std::uint16_t kLeastMtu = 68;  // RFC 791, and what Linux lets a device have

enum class TunnelKind : std::uint8_t { wireguard = 1, ipsec = 2 };

// A tunnel interface. `mac1_key` is HASH(LABEL_MAC1 || our static public key), WireGuard 5.4.4.
struct InterfaceSet {
  std::uint16_t interface = 0;    // < kMaxInterfaces; the same number as its TUN has
  std::uint16_t listen_port = 0;  // network byte order; of IPsec: for ESP in UDP, shared by all
  std::uint16_t mtu = 0;          // of inner packets
  std::uint8_t up = 1;            // down: nothing is sealed or opened
  std::uint8_t options = 0;       // kCopyDscp, kClampMss, kFragmentAfter, kSpeaksIke
  std::uint8_t source_ports = 1;  // 1 to kMaxSourcePorts, from listen_port on: all are listened at
  Name name{};
  std::array<std::uint8_t, 32> mac1_key{};
  TunnelKind kind = TunnelKind::wireguard;
};
struct InterfaceRemove {
  std::uint16_t interface = 0;
};

// A VLAN of a port: packets go in and out by it as by a port of its own, with the port's role, and
// their frames bear its tag. Wherever a record's `port` says where packets go, it is a link's
// number (link_of).
struct VlanSet {
  std::uint16_t link = 0;
  std::uint16_t mtu = 0;  // of IP packets
  std::uint8_t up = 1;    // down: nothing goes in or out
};
struct VlanRemove {
  std::uint16_t link = 0;
};

// An address of the gateway itself, on port, VLAN or tunnel; at most 64. `owner` is the link's
// number, or kTunnelOwner + the interface's.
inline constexpr std::uint16_t kTunnelOwner = link_of(0, kHighestVlan + 1);
static_assert(kTunnelOwner + kMaxInterfaces - 1 <= UINT16_MAX);
struct LocalAddressSet {
  std::uint16_t owner = 0;
  Address address;
};
struct LocalAddressRemove {
  std::uint16_t owner = 0;
  Address address;
};

// Where a peer's outer packets go. Absent endpoint: family none. `neighbour` and `port` are what
// control resolved `remote` to in the underlay; kNoNeighbour while that is not known. `through`:
// not there but in another tunnel, as what that one carries to this peer of its own.
inline constexpr std::uint32_t kNoNeighbour = 0xffffffff;
inline constexpr std::uint32_t kNoPeer = 0xffffffff;
struct Endpoint {
  Address remote;
  Address local;
  std::uint16_t remote_port = 0;  // network byte order
  std::uint16_t local_port = 0;   // network byte order
  std::uint32_t neighbour = kNoNeighbour;
  std::uint32_t through = kNoPeer;
  std::uint16_t mtu = 0;  // of outer packets, where their route says so; 0: what the device takes
};

// How a peer's packets look outside.
enum class PeerKind : std::uint8_t { wireguard = 1, esp = 2, esp_in_udp = 3 };
// "Don't fragment" of outer IPv4 headers.
enum class DontFragment : std::uint8_t { clear = 0, set = 1, copy = 2 };
inline constexpr std::uint8_t kDscpFromInner = 0xff;
inline constexpr std::uint8_t kAnyWorker = 0xff;

// Of ESP, a peer is a child: what one pair of selectors' sets has for SAs, one after the other.
struct PeerSet {
  std::uint32_t peer = 0;  // < kMaxPeers; stays the same while the peer exists
  std::uint16_t interface = 0;
  std::uint16_t reorder_budget = 4096;        // packets that may arrive out of order at the peer
  std::array<std::uint8_t, 32> public_key{};  // of ESP: what tells the child from others
  Endpoint endpoint;                          // ports are zero but of esp_in_udp
  PeerKind kind = PeerKind::wireguard;
  DontFragment dont_fragment = DontFragment::clear;  // these three are of ESP
  std::uint8_t dscp = kDscpFromInner;                // or 0 to 63
  // The worker that seals, modulo how many there are, when `reorder_budget` is too small for all.
  // kAnyWorker: the manager chooses.
  std::uint8_t sealing_worker = kAnyWorker;
};
struct PeerRemove {
  std::uint32_t peer = 0;
};

enum class SuiteId : std::uint8_t { chacha20_poly1305 = 1 };
enum class KeyUse : std::uint8_t {
  now = 1,                  // initiator: becomes `current` at once
  after_first_inbound = 2,  // responder: `next` until a packet under it was opened
};
// Keys are wiped from the ring by the manager once it has its own copy. The receive direction is
// live from installation on.
struct SessionInstall {
  std::uint32_t local_id = 0;   // receiver index that the peer sends to
  std::uint32_t remote_id = 0;  // receiver index that we send to
  std::uint32_t peer = 0;
  SuiteId suite = SuiteId::chacha20_poly1305;
  KeyUse use = KeyUse::now;
  std::uint16_t unused = 0;
  std::uint32_t window = 65536;  // anti-replay window, packets
  std::uint32_t unused2 = 0;
  std::uint64_t message_limit = 0;    // counters at or above it are neither sent nor accepted
  std::uint64_t reject_after_ns = 0;  // age at which it neither seals nor opens
  std::uint64_t erase_after_ns = 0;   // age at which its keys are wiped
  std::array<std::uint8_t, 32> send_key{};
  std::array<std::uint8_t, 32> receive_key{};
};
struct SessionRemove {
  std::uint32_t local_id = 0;
  std::uint32_t unused = 0;
  // It opens what was on its way for this long; it does not seal if there is another one.
  std::uint64_t linger_ns = 0;
};
// Seals from now on, whether the peer was heard under it or not: `current`.
struct SessionUse {
  std::uint32_t local_id = 0;
};

// A pair of ESP SAs. `local_id` is the SPI that the peer sends to, `remote_id` the one that we send
// to. Limits of 0 are none; what is hard is enforced by workers, at what is soft SaAging is sent
// once. Bytes are those of texts: inner packets with padding and trailer.
inline constexpr std::uint8_t kExtendedSequence = 1;  // 64-bit numbers, of which 32 are sent
inline constexpr std::uint8_t kTransportMode = 2;
inline constexpr std::size_t kMaxSaKey = 96;  // the cipher's key, then the MAC's; or then the salt
struct SaInstall {
  std::uint32_t local_id = 0;
  std::uint32_t remote_id = 0;  // >= kLowestSessionId
  std::uint32_t peer = 0;
  std::uint32_t window = 65536;  // anti-replay window, packets
  std::uint8_t suite = 0;        // crypto::Suite
  KeyUse use = KeyUse::now;
  std::uint8_t options = 0;     // kExtendedSequence, kTransportMode
  std::uint8_t key_length = 0;  // of each direction, salt included
  std::uint32_t unused = 0;
  std::uint64_t hard_packets = 0;
  std::uint64_t hard_bytes = 0;
  std::uint64_t soft_packets = 0;
  std::uint64_t soft_bytes = 0;
  std::uint64_t soft_after_ns = 0;
  std::uint64_t reject_after_ns = 0;  // age at which it neither seals nor opens
  std::uint64_t erase_after_ns = 0;   // age at which its keys are wiped
  std::array<std::uint8_t, kMaxSaKey> send_key{};
  std::array<std::uint8_t, kMaxSaKey> receive_key{};
};

// Traffic selectors of a child (RFC 7296, 3.13.1), one a record, then the commit that makes them
// its own. `first` and `last` are included; protocol 0 is any; ports 0 to 65535 are any, also of
// what has none. Of ICMP a port is type * 256 + code.
enum class SelectorSide : std::uint8_t { local = 1, remote = 2 };
inline constexpr std::size_t kMaxSelectors = 64;  // of a child and side
struct SelectorAdd {
  std::uint32_t peer = 0;
  SelectorSide side = SelectorSide::local;
  std::uint8_t protocol = 0;
  std::uint16_t first_port = 0;
  std::uint16_t last_port = 0xffff;
  std::uint16_t unused = 0;
  Address first;
  Address last;
};
struct SelectorsCommit {
  std::uint32_t peer = 0;
  std::uint16_t locals = 0;  // how many were added of each side
  std::uint16_t remotes = 0;
  // Packets into the interface that fit go to this child, or by worker to one of this many from it
  // on (RFC 9611). 0: it only opens.
  std::uint16_t spread = 1;
  std::uint16_t unused = 0;
  std::uint32_t order = 0;  // of children that a packet fits, the lowest is taken
};

// What a FIB entry's number stands for.
enum class HopKind : std::uint8_t {
  blackhole = 1,    // dropped, reason `blackhole`
  local = 2,        // for the host: the twin of `port`, or the TUN of `interface` when that arrived
  glean = 3,        // on-link at `port`: neighbour not resolved yet
  neighbour = 4,    // to `neighbour`, which knows its port
  tunnel = 5,       // into `interface` to `peer`; kNoPeer: the interface has no peer for it
  group = 6,        // one of those of a HopGroupSet, by the packet's flow
  choice = 7,       // one of those of a HopChoiceSet, by a field of its header
  unreachable = 8,  // refused, and its sender is told
  prohibit = 9,     // the same, by an administrator's will
  no_route = 10,    // as where there is no entry, though a shorter prefix has one
  not_followed = 11,  // dropped: the kernel has a route of a kind that the data plane has not
  policy = 12,        // into `interface`, to the child whose selectors the packet fits
};
struct NextHopSet {
  std::uint32_t next_hop = 0;  // 1 .. kMaxNextHops - 1; 0 is "no route" for good
  HopKind kind = HopKind::blackhole;
  std::uint8_t allow_plain = 0;  // the configuration lets inside packets leave unsealed this way
  std::uint16_t port = 0;
  std::uint16_t interface = 0;
  std::uint16_t mtu = 0;
  std::uint32_t neighbour = kNoNeighbour;
  std::uint32_t peer = kNoPeer;
  std::uint32_t set = 0;  // the group's or choice's number
};

// Next hops that share traffic by weight, flow by flow. The members of a number stay; which of them
// are alive may change at any time: only the flows of those that died move, and come back.
struct HopGroupSet {
  std::uint32_t group = 0;                               // < kMaxHopGroups
  std::uint32_t count = 0;                               // 1 .. kMaxGroupHops
  std::uint32_t alive = 0;                               // bits; none is as all
  std::array<std::uint32_t, kMaxGroupHops> next_hops{};  // set before; no groups or choices
  std::array<std::uint16_t, kMaxGroupHops> weights{};    // 1 and above
};

// Next hops for some packets of a prefix: the first choice that fits is taken.
enum class HopField : std::uint8_t { dscp = 1, source = 2 };
struct HopChoice {
  std::uint32_t next_hop = 0;  // set before
  std::uint8_t dscp = 0;
  std::uint8_t length = 0;  // of the source's prefix
  Address source;           // host bits zero
};
struct HopChoiceSet {
  std::uint32_t choice = 0;     // < kMaxHopChoices
  std::uint32_t otherwise = 0;  // next hop, set before; 0 no route
  HopField field = HopField::dscp;
  std::uint8_t count = 0;  // 1 .. kMaxChoices
  std::array<HopChoice, kMaxChoices> choices{};
};

// For the `sources` table: an owner of an address. Owners of one prefix at several interfaces are
// chained by `next` (0 ends).
struct OwnerSet {
  std::uint32_t owner = 0;  // 1 .. kMaxNextHops - 1
  std::uint32_t peer = 0;
  std::uint16_t interface = 0;
  std::uint16_t unused = 0;
  std::uint32_t next = 0;
};

enum class Table : std::uint8_t {
  routes = 1,   // destination -> NextHop; routes with allowed IPs folded in (flattened)
  sources = 2,  // address -> Owner: which peer of which interface may use it
};
struct PrefixSet {
  Table table = Table::routes;
  std::uint8_t length = 0;
  std::uint16_t unused = 0;
  std::uint32_t value = 0;  // next hop or owner, set before; what it means stays while it is named
  Address address;          // host bits zero
};
struct PrefixRemove {
  Table table = Table::routes;
  std::uint8_t length = 0;
  Address address;
};
// Prefixes and next hops sent since the last commit take effect, all at once for each packet.
struct TablesCommit {
  std::uint8_t unused = 0;
};

struct NeighbourSet {
  std::uint32_t neighbour = 0;  // < kMaxNeighbours
  std::uint16_t port = 0;
  std::array<std::uint8_t, 6> mac{};
  std::uint8_t reachable = 0;  // 0: packets for it wait and NeedNeighbour is sent
  Address address;             // for NeedNeighbour and parked packets
};
struct NeighbourRemove {
  std::uint32_t neighbour = 0;
};

// Seal an empty packet to the peer with its current session.
struct KeepaliveSend {
  std::uint32_t peer = 0;
};

// Levels as in base/log.h; subsystem numbers too.
struct LogLevelSet {
  std::uint8_t subsystem = 0;
  std::uint8_t level = 0;
};

using CommandBody =
    std::variant<ResyncBegin, ResyncEnd, InterfaceSet, InterfaceRemove, LocalAddressSet,
                 LocalAddressRemove, PeerSet, PeerRemove, SessionInstall, SessionRemove, NextHopSet,
                 HopGroupSet, HopChoiceSet, OwnerSet, PrefixSet, PrefixRemove, TablesCommit,
                 NeighbourSet, NeighbourRemove, KeepaliveSend, LogLevelSet, VlanSet, VlanRemove,
                 SaInstall, SelectorAdd, SelectorsCommit, SessionUse>;

}  // namespace gotthard::abi
