// Longest-prefix match: one copy of one table of one family, as a trie of bytes. The first three
// bytes of an address index the root, each byte after them a group of 256 entries; a group exists
// where, and only where, a longer prefix lies within it. A prefix is written into every entry that
// it is the longest for, so a lookup reads one entry a level and nothing else.
//
// Why not rte_fib and rte_fib6: those of 22.11 give every address the default route once one is set
// while two adjacent prefixes end the address space (224/4 and 240/4), lose room with each removed
// long prefix until none is accepted, and report some changes as made that were not (measured);
// 24.11 has another interface and other defects. This one is exact, holds every prefix that the
// table was sized for, and touches only the memory that its prefixes need.
//
// Not safe to read while it is changed: FibPair keeps two.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/memfd.h"
#include "base/result.h"
#include "dataplane/abi/records.h"

namespace gotthard::dataplane {

// The top bit of an entry says that the rest is a group's number, else the rest is a value.
struct Ipv4Prefixes {
  using Entry = std::uint16_t;
  using Key = std::uint32_t;  // host byte order
  static constexpr unsigned kBytes = 4;
  static constexpr abi::Family kFamily = abi::Family::ipv4;

  static std::size_t root_index(Key key) { return key >> 8; }
  static std::size_t byte(Key key, unsigned at) { return (key >> (24 - 8 * at)) & 0xff; }
};

struct FibKey6 {
  std::array<std::uint8_t, 16> bytes;
};

struct Ipv6Prefixes {
  using Entry = std::uint32_t;
  using Key = FibKey6;
  static constexpr unsigned kBytes = 16;
  static constexpr abi::Family kFamily = abi::Family::ipv6;

  static std::size_t root_index(const Key& key) {
    return (std::size_t{key.bytes[0]} << 16) | (std::size_t{key.bytes[1]} << 8) | key.bytes[2];
  }
  static std::size_t byte(const Key& key, unsigned at) { return key.bytes[at]; }
};

// An installed prefix that covers another: what addresses fall back to when that goes. Length 0:
// none but the default route.
struct Covering {
  std::uint16_t value = 0;
  std::uint8_t length = 0;
};

template <typename F>
class PrefixTable {
 public:
  using Entry = typename F::Entry;
  using Key = typename F::Key;
  static constexpr unsigned kRootBytes = 3;
  static constexpr unsigned kMaxLength = F::kBytes * 8;
  // Groups that one prefix may need at most.
  static constexpr unsigned kLevels = F::kBytes - kRootBytes;
  static constexpr Entry kExtended = static_cast<Entry>(Entry{1} << (8 * sizeof(Entry) - 1));
  static constexpr std::size_t kMaxGroups = kExtended;

  // Memory is taken as prefixes need it, near NUMA node `socket` (any when negative).
  static Result<std::unique_ptr<PrefixTable>> create(std::size_t groups, int socket);

  // Host bits are zero, `value` is not and is below 2^15. There is a group for whatever is needed:
  // the caller counts.
  void set(const abi::Address& address, std::uint8_t length, std::uint16_t value);
  // Installed before; `covering` is the longest other prefix around it.
  void remove(const abi::Address& address, std::uint8_t length, Covering covering);

  [[nodiscard]] std::size_t groups_used() const { return next_group_ - free_.size(); }

  // values[i] for keys[i]; 0: no prefix.
  void lookup(const Key* keys, std::uint64_t* values, std::uint32_t count) const {
    for (std::uint32_t i = 0; i < count; ++i) {
      Entry entry = root_[F::root_index(keys[i])];
      for (unsigned at = kRootBytes; (entry & kExtended) != 0; ++at) {
        entry = groups_[group_start(entry) + F::byte(keys[i], at)];
      }
      values[i] = entry != 0 ? entry : default_;
    }
  }

 private:
  static constexpr std::size_t kRootEntries = std::size_t{1} << 24;
  static constexpr std::size_t kGroupEntries = 256;

  // What to write where: entries that a prefix of `least` to `greatest` bits stands in.
  struct Fill {
    Entry value;
    std::uint8_t length;
    std::uint8_t least, greatest;
  };
  // An entry and the length of the prefix that stands in it, which lookups never read.
  struct Place {
    Entry* entry;
    std::uint8_t* length;
  };

  PrefixTable() = default;
  [[nodiscard]] static std::size_t group_start(Entry entry) {
    return static_cast<std::size_t>(entry & ~kExtended) * kGroupEntries;
  }
  [[nodiscard]] Place in_root(std::size_t index) const {
    return {root_ + index, root_lengths_ + index};
  }
  [[nodiscard]] Place in_group(Entry entry, std::size_t index) const {
    return {groups_ + group_start(entry) + index, group_lengths_ + group_start(entry) + index};
  }
  void write(const abi::Address& address, std::uint8_t length, const Fill& fill);
  void fill_entries(Place first, std::size_t count, const Fill& fill);
  void extend(Place place);
  bool collapse(Place place, unsigned boundary);

  Mapping memory_;
  Entry* root_ = nullptr;
  Entry* groups_ = nullptr;
  std::uint64_t default_ = 0;  // the prefix of length 0, kept out of the root's 2^24 entries
  std::uint8_t* root_lengths_ = nullptr;
  std::uint8_t* group_lengths_ = nullptr;
  std::size_t next_group_ = 0;  // groups from here on were never used
  std::vector<Entry> free_;
};

extern template class PrefixTable<Ipv4Prefixes>;
extern template class PrefixTable<Ipv6Prefixes>;

}  // namespace gotthard::dataplane
