// Bulk lookups for the lanes of a list, IPv4 and IPv6 apart as the tables want them.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/packet.h"
#include "dataplane/table/fib.h"
#include "dataplane/wire/ip.h"

namespace gotthard::dataplane {

enum class LookupKey : std::uint8_t { source, destination };

// values[i] belongs to the i-th lane of `lanes`; 0 is "nothing".
template <LookupKey kKey>
inline void lookup(const Burst& burst, const LaneList& lanes, const Tables& tables,
                   abi::Table table, std::uint64_t* values) {
  std::array<std::uint32_t, kBurst> keys4;
  std::array<FibKey6, kBurst> keys6;
  std::array<std::uint8_t, kBurst> places4;
  std::array<std::uint8_t, kBurst> places6;
  std::uint32_t count4 = 0;
  std::uint32_t count6 = 0;
  for (std::uint32_t i = 0; i < lanes.size; ++i) {
    const Lane& lane = burst.lanes[lanes.lanes[i]];
    if (lane.family == Family::ipv4) {
      const auto* ip = reinterpret_cast<const wire::Ipv4Header*>(lane.ip);
      keys4[count4] = kKey == LookupKey::source ? ip->source.get() : ip->destination.get();
      places4[count4++] = static_cast<std::uint8_t>(i);
    } else {
      const auto* ip = reinterpret_cast<const wire::Ipv6Header*>(lane.ip);
      const auto& key = kKey == LookupKey::source ? ip->source : ip->destination;
      static_assert(sizeof(keys6[0]) == sizeof(key));
      std::memcpy(static_cast<void*>(&keys6[count6]), key.data(), sizeof(key));
      places6[count6++] = static_cast<std::uint8_t>(i);
    }
  }
  if (count4 == lanes.size) {
    tables.lookup4(table, keys4.data(), values, count4);
    return;
  }
  std::array<std::uint64_t, kBurst> found;
  if (count4 > 0) {
    tables.lookup4(table, keys4.data(), found.data(), count4);
    for (std::uint32_t i = 0; i < count4; ++i) {
      values[places4[i]] = found[i];
    }
  }
  if (count6 > 0) {
    tables.lookup6(table, keys6.data(), found.data(), count6);
    for (std::uint32_t i = 0; i < count6; ++i) {
      values[places6[i]] = found[i];
    }
  }
}

}  // namespace gotthard::dataplane
