// What a route's number stands for, in one word each so that the manager may change an entry while
// workers read it: next hops, owners of source addresses, neighbours.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "dataplane/abi/limits.h"
#include "dataplane/abi/records.h"
#include "dataplane/table/hop_group.h"
#include "dataplane/wire/ethernet.h"

namespace gotthard::dataplane {

inline constexpr std::uint32_t kNone24 = 0xffffff;

// Places for what control's numbers mean: room for the old meanings beside as many new ones.
inline constexpr std::size_t kHopPlaces = 2 * abi::kMaxNextHops;
inline constexpr std::size_t kNeighbourPlaces = 2 * abi::kMaxNeighbours;
inline constexpr std::size_t kGroupPlaces = 2 * abi::kMaxHopGroups;
inline constexpr std::size_t kChoicePlaces = 2 * abi::kMaxHopChoices;

struct NextHop {
  abi::HopKind kind;
  bool allow_plain;
  std::uint8_t port;
  std::uint8_t interface;
  std::uint16_t mtu;
  std::uint32_t target;  // neighbour, peer, group or choice; kNone24: none

  [[nodiscard]] static NextHop unpack(std::uint64_t word) {
    return {.kind = static_cast<abi::HopKind>(word & 0xf),
            .allow_plain = ((word >> 4) & 1) != 0,
            .port = static_cast<std::uint8_t>(word >> 8),
            .interface = static_cast<std::uint8_t>(word >> 16),
            .mtu = static_cast<std::uint16_t>(word >> 24),
            .target = static_cast<std::uint32_t>(word >> 40)};
  }
  [[nodiscard]] std::uint64_t pack() const {
    return static_cast<std::uint64_t>(kind) | (static_cast<std::uint64_t>(allow_plain) << 4) |
           (static_cast<std::uint64_t>(port) << 8) | (static_cast<std::uint64_t>(interface) << 16) |
           (static_cast<std::uint64_t>(mtu) << 24) | (static_cast<std::uint64_t>(target) << 40);
  }
};

struct Owner {
  std::uint32_t peer;
  std::uint8_t interface;
  std::uint16_t next;

  [[nodiscard]] static Owner unpack(std::uint64_t word) {
    return {.peer = static_cast<std::uint32_t>(word & kNone24),
            .interface = static_cast<std::uint8_t>(word >> 24),
            .next = static_cast<std::uint16_t>(word >> 32)};
  }
  [[nodiscard]] std::uint64_t pack() const {
    return peer | (static_cast<std::uint64_t>(interface) << 24) |
           (static_cast<std::uint64_t>(next) << 32);
  }
};

struct Neighbour {
  wire::Mac mac;
  std::uint8_t port;
  bool reachable;
  bool known = true;  // false: the one that was asked for is no more

  [[nodiscard]] static Neighbour unpack(std::uint64_t word) {
    Neighbour n{
        .mac = {}, .port = static_cast<std::uint8_t>(word >> 48), .reachable = (word >> 56) != 0};
    std::memcpy(n.mac.data(), &word, n.mac.size());
    return n;
  }
  [[nodiscard]] std::uint64_t pack() const {
    std::uint64_t word = 0;
    std::memcpy(&word, mac.data(), mac.size());
    return word | (static_cast<std::uint64_t>(port) << 48) |
           (static_cast<std::uint64_t>(reachable) << 56);
  }
};

// Neighbours come and go while packets wait for them, at the manager and in rings. So next hops,
// lanes and notes name one by its place and by how many had the place before (modulo 511): what
// was meant for a former one never reaches a later one.
struct NeighbourPlace {
  std::atomic<std::uint64_t> word{0};
  std::atomic<std::uint32_t> former{0};
};
inline constexpr std::uint32_t kFormerNeighbours = 511;
static_assert(kNeighbourPlaces * kFormerNeighbours <= kNone24);

// Written by the manager, read by workers.
struct Hops {
  std::array<std::atomic<std::uint64_t>, kHopPlaces> next_hops{};
  std::array<std::atomic<std::uint64_t>, kHopPlaces> owners{};
  std::array<NeighbourPlace, kNeighbourPlaces> neighbours{};
  std::array<HopGroup, kGroupPlaces> groups{};
  std::array<HopChoices, kChoicePlaces> choices{};

  [[nodiscard]] NextHop next_hop(std::uint64_t id) const {
    return NextHop::unpack(next_hops[id].load(std::memory_order_relaxed));
  }
  // Of what the next hop may lead to, groups and choices looked through: `test` holds for each.
  template <typename Test>
  [[nodiscard]] bool all_of(std::uint64_t id, const Test& test, int depth = 0) const {
    const NextHop hop = next_hop(id);
    if (hop.kind == abi::HopKind::group) {
      const HopGroup& group = groups[hop.target];
      for (std::size_t i = 0; i < group.count; ++i) {
        if (!test(next_hop(group.members[i]))) {
          return false;
        }
      }
      return true;
    }
    if (hop.kind != abi::HopKind::choice) {
      return test(hop);
    }
    const HopChoices& choice = choices[hop.target];
    for (std::size_t i = 0; depth < kMaxDepth && i < choice.count; ++i) {
      if (!all_of(choice.choices[i].next_hop, test, depth + 1)) {
        return false;
      }
    }
    return choice.otherwise == 0 ||
           (depth < kMaxDepth && all_of(choice.otherwise, test, depth + 1));
  }
  // Choices that lead to choices, and last to a group.
  static constexpr int kMaxDepth = 8;
  // The same for the packet path, which reads it once: not put together in memory only to be
  // taken apart.
  struct NeighbourWord {
    std::uint64_t word;
    bool known;
    [[nodiscard]] std::uint8_t port() const { return static_cast<std::uint8_t>(word >> 48); }
    [[nodiscard]] bool reachable() const { return word >> 56 != 0; }
    void write_mac(wire::Mac* to) const { std::memcpy(to->data(), &word, to->size()); }
  };
  [[nodiscard]] NeighbourWord neighbour_word(std::uint32_t id) const {
    const NeighbourPlace& place = neighbours[id % kNeighbourPlaces];
    // The word first: whoever reads a later one's sees that the former one is gone.
    const std::uint64_t word = place.word.load(std::memory_order_acquire);
    return {.word = word,
            .known = place.former.load(std::memory_order_relaxed) == id / kNeighbourPlaces};
  }
  // `known` is false for kNoNeighbour too.
  [[nodiscard]] Neighbour neighbour(std::uint32_t id) const {
    const NeighbourWord found = neighbour_word(id);
    Neighbour neighbour = Neighbour::unpack(found.word);
    neighbour.known = found.known;
    return neighbour;
  }

  // The manager.
  [[nodiscard]] std::uint32_t neighbour_id(std::uint32_t place) const {
    return place + neighbours[place].former.load(std::memory_order_relaxed) *
                       static_cast<std::uint32_t>(kNeighbourPlaces);
  }
  void set_neighbour(std::uint32_t place, const Neighbour& neighbour) {
    neighbours[place].word.store(neighbour.pack(), std::memory_order_release);
  }
  void end_neighbour(std::uint32_t place) {
    const std::uint32_t former = neighbours[place].former.load(std::memory_order_relaxed);
    neighbours[place].word.store(0, std::memory_order_relaxed);
    neighbours[place].former.store((former + 1) % kFormerNeighbours, std::memory_order_relaxed);
  }
  // The peer that owns an address in `interface`, following the chain from `owner`; kNoPeer.
  // A chain has one owner an interface at most; the bound keeps a broken one from holding a worker.
  [[nodiscard]] std::uint32_t owner_of(std::uint64_t owner, std::uint16_t interface) const {
    for (std::size_t step = 0; owner != 0 && step < abi::kMaxInterfaces; ++step) {
      const Owner o = Owner::unpack(owners[owner].load(std::memory_order_relaxed));
      if (o.interface == interface) {
        return o.peer;
      }
      owner = o.next;
    }
    return abi::kNoPeer;
  }
};

}  // namespace gotthard::dataplane
