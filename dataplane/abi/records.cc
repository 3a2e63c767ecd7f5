#include "dataplane/abi/records.h"

#include <cstring>
#include <utility>

namespace gotthard::abi {
namespace {

// Everything that has to be in range before a body may be acted on.
bool ok(const Address& a, bool may_be_none = false) {
  switch (a.family) {
    case Family::none:
      return may_be_none;
    case Family::ipv4:
      for (std::size_t i = 4; i < a.bytes.size(); ++i) {
        if (a.bytes[i] != 0) {
          return false;
        }
      }
      return true;
    case Family::ipv6:
      return true;
  }
  return false;
}

// The stores must not be dropped as dead.
void wipe(void* memory, std::size_t size) {
  std::memset(memory, 0, size);
  asm volatile("" : : "r"(memory) : "memory");
}

bool ok(const Name& name) { return std::memchr(name.data(), 0, name.size()) != nullptr; }
bool session_id(std::uint32_t id) { return id >= kLowestSessionId; }
bool interface_id(std::uint16_t id) { return id < kMaxInterfaces; }
bool maybe_peer(std::uint32_t peer) { return peer < kMaxPeers || peer == kNoPeer; }
bool neighbour_id(std::uint32_t id) { return id < kMaxNeighbours || id == kNoNeighbour; }
bool link_id(std::uint16_t id) { return vlan_of(id) <= kHighestVlan; }
bool owner_id(std::uint16_t id) {
  return link_id(id) || (id >= kTunnelOwner && std::size_t{id} - kTunnelOwner < kMaxInterfaces);
}
bool table(Table t) { return t == Table::routes || t == Table::sources; }
bool prefix(std::uint8_t length, const Address& a) {
  return ok(a) && length <= (a.family == Family::ipv4 ? 32 : 128);
}

bool ok(const ResyncBegin&) { return true; }
bool ok(const ResyncEnd&) { return true; }
bool ok(const InterfaceSet& b) {
  return interface_id(b.interface) && b.mtu >= kLeastMtu && b.up <= 1 &&
         (b.options & ~(kCopyDscp | kClampMss | kFragmentAfter | kSpeaksIke)) == 0 &&
         b.source_ports >= 1 && b.source_ports <= kMaxSourcePorts && ok(b.name) &&
         (b.kind == TunnelKind::wireguard || b.kind == TunnelKind::ipsec);
}
bool ok(const InterfaceRemove& b) { return interface_id(b.interface); }
bool ok(const LocalAddressSet& b) { return owner_id(b.owner) && ok(b.address); }
bool ok(const LocalAddressRemove& b) { return owner_id(b.owner) && ok(b.address); }
bool ok(const Endpoint& e) {
  if (e.remote.family == Family::none) {
    return true;
  }
  return ok(e.remote) && ok(e.local, true) && neighbour_id(e.neighbour) && maybe_peer(e.through) &&
         (e.neighbour == kNoNeighbour || e.local.family == e.remote.family);
}
bool ok(const PeerSet& b) {
  return b.peer < kMaxPeers && interface_id(b.interface) && b.reorder_budget > 0 &&
         ok(b.endpoint) && b.kind >= PeerKind::wireguard && b.kind <= PeerKind::esp_in_udp &&
         b.dont_fragment <= DontFragment::copy && (b.dscp < 64 || b.dscp == kDscpFromInner);
}
bool ok(const PeerRemove& b) { return b.peer < kMaxPeers; }
bool ok(const SessionInstall& b) {
  return session_id(b.local_id) && b.peer < kMaxPeers && b.suite == SuiteId::chacha20_poly1305 &&
         (b.use == KeyUse::now || b.use == KeyUse::after_first_inbound) && b.window >= 1024 &&
         b.window <= (1U << 20) && b.message_limit > 0 && b.message_limit <= (1ULL << 63) &&
         b.reject_after_ns > 0 && b.erase_after_ns >= b.reject_after_ns;
}
bool ok(const SaInstall& b) {
  return session_id(b.local_id) && session_id(b.remote_id) && b.peer < kMaxPeers &&
         b.window >= 1024 && b.window <= (1U << 20) && b.suite < kSaSuites &&
         (b.use == KeyUse::now || b.use == KeyUse::after_first_inbound) &&
         (b.options & ~(kExtendedSequence | kTransportMode)) == 0 && b.key_length <= kMaxSaKey &&
         b.reject_after_ns > 0 && b.erase_after_ns >= b.reject_after_ns;
}
bool ok(const SelectorAdd& b) {
  return b.peer < kMaxPeers && (b.side == SelectorSide::local || b.side == SelectorSide::remote) &&
         b.first_port <= b.last_port && ok(b.first) && ok(b.last) &&
         b.first.family == b.last.family && b.first.bytes <= b.last.bytes;
}
bool ok(const SelectorsCommit& b) {
  return b.peer < kMaxPeers && b.locals > 0 && b.locals <= kMaxSelectors && b.remotes > 0 &&
         b.remotes <= kMaxSelectors && b.peer + b.spread <= kMaxPeers;
}
bool ok(const SessionRemove& b) { return session_id(b.local_id); }
bool ok(const SessionUse& b) { return session_id(b.local_id); }
bool ok(const NextHopSet& b) {
  if (b.next_hop == 0 || b.next_hop >= kMaxNextHops || b.allow_plain > 1) {
    return false;
  }
  switch (b.kind) {
    case HopKind::blackhole:
    case HopKind::unreachable:
    case HopKind::prohibit:
    case HopKind::no_route:
    case HopKind::not_followed:
      return true;
    case HopKind::group:
      return b.set < kMaxHopGroups;
    case HopKind::choice:
      return b.set < kMaxHopChoices;
    case HopKind::local:
      return owner_id(b.port);
    case HopKind::glean:
      return link_id(b.port);
    case HopKind::neighbour:
      return b.neighbour < kMaxNeighbours;
    case HopKind::tunnel:
      return interface_id(b.interface) && (b.peer < kMaxPeers || b.peer == kNoPeer);
    case HopKind::policy:
      return interface_id(b.interface);
  }
  return false;
}
bool next_hop_id(std::uint32_t id) { return id > 0 && id < kMaxNextHops; }
bool ok(const HopGroupSet& b) {
  if (b.group >= kMaxHopGroups || b.count == 0 || b.count > kMaxGroupHops) {
    return false;
  }
  for (std::size_t i = 0; i < b.count; ++i) {
    if (!next_hop_id(b.next_hops[i]) || b.weights[i] == 0) {
      return false;
    }
  }
  return true;
}
bool ok(const HopChoiceSet& b) {
  if (b.choice >= kMaxHopChoices || b.count == 0 || b.count > kMaxChoices ||
      b.otherwise >= kMaxNextHops || (b.field != HopField::dscp && b.field != HopField::source)) {
    return false;
  }
  for (std::size_t i = 0; i < b.count; ++i) {
    const HopChoice& choice = b.choices[i];
    if (!next_hop_id(choice.next_hop) ||
        (b.field == HopField::dscp ? choice.dscp >= 64 : !prefix(choice.length, choice.source))) {
      return false;
    }
  }
  return true;
}
bool ok(const OwnerSet& b) {
  return b.owner > 0 && b.owner < kMaxNextHops && b.peer < kMaxPeers && interface_id(b.interface) &&
         b.next < kMaxNextHops;
}
bool ok(const PrefixSet& b) {
  return table(b.table) && prefix(b.length, b.address) && b.value > 0 && b.value < kMaxNextHops;
}
bool ok(const PrefixRemove& b) { return table(b.table) && prefix(b.length, b.address); }
bool ok(const TablesCommit&) { return true; }
bool ok(const NeighbourSet& b) {
  return b.neighbour < kMaxNeighbours && link_id(b.port) && b.reachable <= 1 && ok(b.address);
}
bool ok(const NeighbourRemove& b) { return b.neighbour < kMaxNeighbours; }
bool ok(const KeepaliveSend& b) { return b.peer < kMaxPeers; }
bool ok(const LogLevelSet& b) { return b.level <= 4; }
bool vlan_id(std::uint16_t link) { return link_id(link) && vlan_of(link) != 0; }
bool ok(const VlanSet& b) { return vlan_id(b.link) && b.mtu >= kLeastMtu && b.up <= 1; }
bool ok(const VlanRemove& b) { return vlan_id(b.link); }

bool ok(const SessionInstalled& b) { return session_id(b.local_id); }
bool ok(const CommandRefused& b) {
  return b.reason >= Refusal::invalid && b.reason <= Refusal::no_memory;
}
bool ok(const SessionConfirmed& b) { return session_id(b.local_id); }
bool ok(const SessionErased& b) { return session_id(b.local_id); }
bool ok(const NeedHandshake& b) { return b.peer < kMaxPeers; }
bool ok(const NeedNeighbour& b) { return link_id(b.port) && ok(b.address); }
bool ok(const EndpointMoved& b) {
  return b.peer < kMaxPeers && session_id(b.local_id) && ok(b.remote) && ok(b.local) &&
         b.remote.family == b.local.family && b.remote_port != 0;
}
bool ok(const Applied&) { return true; }
bool ok(const PortState& b) { return b.port < kMaxPorts && b.link_up <= 1; }
bool ok(const SaAging& b) { return session_id(b.local_id) && b.hard <= 1; }

template <typename Body>
Record encode_body(const Body& body, std::uint64_t serial) {
  Record record;
  record.type = static_cast<std::uint16_t>(body.index());
  record.serial = serial;
  std::visit(
      [&](const auto& alternative) {
        using T = std::decay_t<decltype(alternative)>;
        static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(record.body));
        std::memcpy(record.body.data(), &alternative, sizeof(T));
      },
      body);
  return record;
}

template <typename Body, std::size_t... I>
std::optional<Body> decode_body(const Record& record, std::index_sequence<I...>) {
  std::optional<Body> result;
  const auto read = [&]<std::size_t Index>() {
    using T = std::variant_alternative_t<Index, Body>;
    if (record.type == Index) {
      // In its place: of keys there is no copy that nobody wipes.
      T& body = std::get<Index>(result.emplace(std::in_place_index<Index>));
      std::memcpy(&body, record.body.data(), sizeof(T));
      if (!ok(body)) {
        wipe(&body, sizeof(T));
        result.reset();
      }
    }
  };
  (read.template operator()<I>(), ...);
  return result;
}

template <typename Body>
std::optional<Body> decode_record(const Record& record) {
  if (record.version != kVersion) {
    return std::nullopt;
  }
  return decode_body<Body>(record, std::make_index_sequence<std::variant_size_v<Body>>{});
}

}  // namespace

Record encode(const CommandBody& body, std::uint64_t serial) { return encode_body(body, serial); }
Record encode(const EventBody& body, std::uint64_t serial) { return encode_body(body, serial); }

std::optional<CommandBody> decode_command(const Record& record) {
  return decode_record<CommandBody>(record);
}
std::optional<EventBody> decode_event(const Record& record) {
  return decode_record<EventBody>(record);
}

bool valid(const PacketRecord& record) {
  return record.version == kVersion && record.interface < kMaxInterfaces && record.length > 0 &&
         record.length <= kMaxPayload && record.remote_port != 0 && record.local_port != 0 &&
         link_id(record.port) && neighbour_id(record.neighbour) && maybe_peer(record.through) &&
         ok(record.remote) && ok(record.local) && record.remote.family == record.local.family;
}

}  // namespace gotthard::abi
