// The fixed-size records that cross between gotthard-control and the data plane's manager. Plain
// data, host byte order but for addresses and UDP ports (as on the wire); the receiver copies a
// record out of shared memory, checks the copy with decode_*() and acts on that alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "dataplane/abi/commands.h"
#include "dataplane/abi/events.h"

namespace gotthard::abi {

inline constexpr std::size_t kRecordSize = 320;

// `type` is the alternative's index in CommandBody or EventBody.
struct Record {
  std::uint16_t version = kVersion;
  std::uint16_t type = 0;
  std::uint32_t unused = 0;
  std::uint64_t serial = 0;  // counts up from 1 in each direction of each attachment
  std::array<std::byte, kRecordSize - 16> body{};
};
static_assert(sizeof(Record) == kRecordSize && std::is_trivially_copyable_v<Record>);

[[nodiscard]] Record encode(const CommandBody& body, std::uint64_t serial);
[[nodiscard]] Record encode(const EventBody& body, std::uint64_t serial);
// Nothing when version, type, an enum or an index is out of range.
[[nodiscard]] std::optional<CommandBody> decode_command(const Record& record);
[[nodiscard]] std::optional<EventBody> decode_event(const Record& record);

// A UDP payload for a tunnel's listening port that control must see (punt), or that control wants
// sent (inject). At most kMaxPayload bytes.
inline constexpr std::size_t kMaxPayload = 1984;
struct PacketRecord {
  std::uint16_t version = kVersion;
  std::uint16_t interface = 0;
  std::uint16_t length = 0;
  std::uint16_t remote_port = 0;           // network byte order
  std::uint16_t local_port = 0;            // network byte order
  std::uint16_t port = 0;                  // punt: where it arrived
  std::uint32_t neighbour = kNoNeighbour;  // inject: next hop, as in Endpoint
  std::uint32_t through = kNoPeer;         // the same
  Address remote;
  Address local;
  std::array<std::uint8_t, 10> unused{};
  std::array<std::byte, kMaxPayload> payload{};
};
static_assert(sizeof(PacketRecord) == 2048 && std::is_trivially_copyable_v<PacketRecord>);

// Lengths, family and version are within bounds.
[[nodiscard]] bool valid(const PacketRecord& record);

}  // namespace gotthard::abi
