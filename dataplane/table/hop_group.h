// Next hops that share the traffic of a route, flow by flow. A flow's hash names one of the group's
// buckets, and each bucket belongs to the member that scores highest for it (base/rendezvous.h). So
// a member that is lost leaves the buckets of the others alone, and a control that was started anew
// deals them out as the one before did.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/abi/limits.h"
#include "dataplane/abi/records.h"

namespace gotthard::dataplane {

inline constexpr std::size_t kGroupBuckets = 512;

struct GroupMember {
  std::uint32_t next_hop = 0;  // its place
  std::uint64_t seed = 0;      // of what it leads to, whatever its number
  std::uint16_t weight = 1;
  bool alive = true;
};

// Written by the manager; workers may read a bucket at any time and find a member in it.
struct HopGroup {
  std::array<std::atomic<std::uint16_t>, kGroupBuckets> buckets{};
  std::uint16_t count = 0;  // of members
  std::array<std::uint16_t, abi::kMaxGroupHops> members{};

  // By other bits than those that choose source ports.
  [[nodiscard]] std::uint16_t of_flow(std::uint32_t hash) const {
    return buckets[(hash >> 16) % kGroupBuckets].load(std::memory_order_relaxed);
  }
};

// When none is alive all are taken for it: there is nowhere better to send to.
void fill(HopGroup* group, std::span<const GroupMember> members);

// Next hops by a field of the header, for prefixes with such routes. Written by the manager before
// anything names it, never while a worker may read it.
struct HopChoices {
  struct Choice {
    std::array<std::uint8_t, 16> source{};
    std::array<std::uint8_t, 16> mask{};
    std::uint8_t dscp = 0;
    std::uint16_t next_hop = 0;
  };
  abi::HopField field = abi::HopField::dscp;
  std::uint8_t count = 0;
  std::uint16_t otherwise = 0;
  std::array<Choice, abi::kMaxChoices> choices{};
};

}  // namespace gotthard::dataplane
