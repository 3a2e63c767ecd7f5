#include "dataplane/table/hop_group.h"

#include <algorithm>

#include "base/rendezvous.h"

namespace gotthard::dataplane {
void fill(HopGroup* group, std::span<const GroupMember> members) {
  const bool any = std::ranges::any_of(members, &GroupMember::alive);
  for (std::size_t bucket = 0; bucket < kGroupBuckets; ++bucket) {
    const GroupMember* best = nullptr;
    double best_score = 0;
    for (const GroupMember& member : members) {
      if (any && !member.alive) {
        continue;
      }
      const double own = rendezvous_score(member.seed, bucket, member.weight);
      if (best == nullptr || own > best_score) {
        best = &member;
        best_score = own;
      }
    }
    group->buckets[bucket].store(static_cast<std::uint16_t>(best->next_hop),
                                 std::memory_order_relaxed);
  }
  group->count = static_cast<std::uint16_t>(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    group->members[i] = static_cast<std::uint16_t>(members[i].next_hop);
  }
}

}  // namespace gotthard::dataplane
