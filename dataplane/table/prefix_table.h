// Longest-prefix match: one copy of one table of one family, as a trie of bytes. The first three
// bytes of an address index the root, bytes after them groups of 256 entries. A group exists where,
// and only where, prefixes part or end within it: a single longer prefix stands in a record, which
// is compared, and so do the bytes that all prefixes of a group have in common. So there are fewer
// groups than prefixes, whatever these are, and a table holds every set of as many prefixes as it
// was made for. A prefix is written into every entry that it is the longest for: a lookup reads one
// entry or record a level and nothing else.
//
// Why not rte_fib and rte_fib6: those of 22.11 give every address the default route once one is set
// while two adjacent prefixes end the address space (224/4 and 240/4), lose room with each removed
// long prefix until none is accepted, and report some changes as made that were not (measured);
// 24.11 has another interface and other defects. This one is exact, and touches only the memory
// that its prefixes need.
//
// Not safe to read while it is changed: FibPair keeps two.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "base/memfd.h"
#include "base/result.h"
#include "dataplane/abi/records.h"

namespace gotthard::dataplane {

// The bits of an address that a prefix has, and which they are.
struct Ipv4Match {
  std::uint32_t bits, mask;

  static Ipv4Match of(const abi::Address& address, unsigned length) {
    std::uint32_t raw;
    std::memcpy(&raw, address.bytes.data(), sizeof(raw));
    const std::uint32_t mask = length == 0 ? 0 : ~std::uint32_t{0} << (32 - length);
    return {__builtin_bswap32(raw) & mask, mask};
  }
  [[nodiscard]] bool fits(std::uint32_t key) const { return ((key ^ bits) & mask) == 0; }
  [[nodiscard]] unsigned byte(unsigned at) const { return (bits >> (24 - 8 * at)) & 0xff; }
};

struct Ipv4Prefixes {
  using Key = std::uint32_t;  // host byte order
  using Match = Ipv4Match;
  static constexpr unsigned kBytes = 4;
  static constexpr abi::Family kFamily = abi::Family::ipv4;

  static std::size_t root_index(Key key) { return key >> 8; }
  static std::size_t byte(Key key, unsigned at) { return (key >> (24 - 8 * at)) & 0xff; }
};

struct FibKey6 {
  std::array<std::uint8_t, 16> bytes;
};

struct Ipv6Match {
  std::array<std::uint64_t, 2> bits, mask;  // as the bytes lie

  static Ipv6Match of(const abi::Address& address, unsigned length) {
    std::array<std::uint8_t, 16> bytes{};
    for (unsigned i = 0; i < bytes.size(); ++i) {
      const unsigned kept = length > 8 * i ? (length - 8 * i < 8 ? length - 8 * i : 8U) : 0;
      bytes[i] = static_cast<std::uint8_t>(0xff00U >> kept);
    }
    Ipv6Match match;
    std::memcpy(match.mask.data(), bytes.data(), sizeof(bytes));
    std::memcpy(match.bits.data(), address.bytes.data(), sizeof(bytes));
    match.bits[0] &= match.mask[0];
    match.bits[1] &= match.mask[1];
    return match;
  }
  [[nodiscard]] bool fits(const FibKey6& key) const {
    std::array<std::uint64_t, 2> words;
    std::memcpy(words.data(), key.bytes.data(), sizeof(words));
    return (((words[0] ^ bits[0]) & mask[0]) | ((words[1] ^ bits[1]) & mask[1])) == 0;
  }
  [[nodiscard]] unsigned byte(unsigned at) const { return (bits[at / 8] >> (8 * (at % 8))) & 0xff; }
};

struct Ipv6Prefixes {
  using Key = FibKey6;
  using Match = Ipv6Match;
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
  std::uint32_t value = 0;
  std::uint8_t length = 0;
};

// What stands for a range of addresses: a value with the length of its prefix, or where to look
// further. 0: nothing.
class FibEntry {
 public:
  static constexpr std::uint32_t kMaxValue = (1U << 22) - 1;

  constexpr FibEntry() = default;
  static constexpr FibEntry of_value(std::uint32_t value, std::uint8_t length) {
    return FibEntry(value | std::uint32_t{length} << 22);
  }
  static constexpr FibEntry of_group(std::uint32_t index) { return FibEntry(kGroup | index); }
  static constexpr FibEntry of_record(std::uint32_t index) { return FibEntry(kRecord | index); }

  [[nodiscard]] constexpr bool is_value() const { return word_ < kRecord; }
  [[nodiscard]] constexpr bool is_group() const { return (word_ & kGroup) != 0; }
  [[nodiscard]] constexpr std::uint32_t index() const { return word_ & (kRecord - 1); }
  [[nodiscard]] constexpr std::uint32_t value() const { return word_ & kMaxValue; }
  [[nodiscard]] constexpr std::uint8_t length() const {
    return static_cast<std::uint8_t>(word_ >> 22);
  }
  [[nodiscard]] constexpr bool is_nothing() const { return word_ == 0; }
  bool operator==(const FibEntry&) const = default;

 private:
  static constexpr std::uint32_t kGroup = 1U << 31;
  static constexpr std::uint32_t kRecord = 1U << 30;
  constexpr explicit FibEntry(std::uint32_t word) : word_(word) {}
  std::uint32_t word_ = 0;
};
static_assert(sizeof(FibEntry) == 4);

template <typename F>
class PrefixTable {
 public:
  using Key = typename F::Key;
  static constexpr unsigned kRootBytes = 3;
  static constexpr unsigned kMaxLength = F::kBytes * 8;

  // Memory is taken as prefixes need it, near NUMA node `socket` (any when negative).
  static Result<std::unique_ptr<PrefixTable>> create(std::size_t prefixes, int socket);

  // Host bits are zero, `value` is not and is at most FibEntry::kMaxValue. There is room: the
  // caller counts.
  void set(const abi::Address& address, std::uint8_t length, std::uint32_t value);
  // Installed before; `covering` is the longest other prefix around it.
  void remove(const abi::Address& address, std::uint8_t length, Covering covering);

  [[nodiscard]] std::size_t groups_used() const { return groups_.used(); }
  [[nodiscard]] std::size_t records_used() const { return records_.used(); }

  // values[i] for keys[i]; 0: no prefix.
  void lookup(const Key* keys, std::uint64_t* values, std::uint32_t count) const {
    for (std::uint32_t i = 0; i < count; ++i) {
      FibEntry entry = root_[F::root_index(keys[i])];
      for (unsigned at = kRootBytes; !entry.is_value();) {
        if (entry.is_group()) {
          entry = groups_[entry.index()][F::byte(keys[i], at++)];
        } else {
          const Record& record = records_[entry.index()];
          at = record.at;
          entry = record.match.fits(keys[i]) ? record.then : record.otherwise;
        }
      }
      values[i] = entry.is_nothing() ? default_ : entry.value();
    }
  }

 private:
  static constexpr std::size_t kRootEntries = std::size_t{1} << 24;
  static constexpr std::size_t kGroupEntries = 256;
  using Group = std::array<FibEntry, kGroupEntries>;

  // What fits goes on at `then`, in a group by its byte `at`; or that is the value of the one
  // prefix that there is.
  struct Record {
    typename F::Match match;
    FibEntry then;
    FibEntry otherwise;
    std::uint8_t bits;  // of the match
    std::uint8_t at;
  };

  // Numbered places in memory that is only taken when they are used.
  template <typename T>
  class Places {
   public:
    void put(std::byte* memory) { first_ = reinterpret_cast<T*>(memory); }
    T& operator[](std::size_t index) const { return first_[index]; }
    std::uint32_t take() {
      if (free_.empty()) {
        return next_++;
      }
      const std::uint32_t index = free_.back();
      free_.pop_back();
      return index;
    }
    void give_back(std::uint32_t index) { free_.push_back(index); }
    [[nodiscard]] std::size_t used() const { return next_ - free_.size(); }

   private:
    T* first_ = nullptr;
    std::uint32_t next_ = 0;
    std::vector<std::uint32_t> free_;
  };

  // What to write where: entries that a prefix of `least` to `greatest` bits stands in.
  struct Fill {
    FibEntry entry;
    std::uint8_t least, greatest;
  };
  // A prefix that is being worked on.
  struct Prefix {
    const abi::Address& address;
    std::uint8_t length;
    [[nodiscard]] std::size_t byte(unsigned at) const { return address.bytes[at]; }
  };
  // An entry that leads to a group, itself or by a record, on the way to a prefix.
  struct Step {
    FibEntry* entry;
    unsigned bytes;  // that led to it
  };
  static constexpr unsigned kMostSteps = F::kBytes;

  PrefixTable() = default;
  void write_group(Group* group, const Prefix& prefix, unsigned at, const Fill& fill);
  void fill_entries(FibEntry* first, std::size_t count, const Fill& fill);
  FibEntry new_group(FibEntry everywhere);
  FibEntry new_record(const Record& record);
  void set_below(FibEntry* entry, unsigned at, const Prefix& prefix, FibEntry value);
  void part(FibEntry* entry, unsigned at, unsigned where, const Prefix& prefix);
  void remove_below(FibEntry* entry, unsigned at, const Prefix& prefix, const Fill& fill);
  void tidy(const Step& step, const Prefix& prefix);
  static unsigned common_bits(const Record& record, const Prefix& prefix);

  Mapping memory_;
  FibEntry* root_ = nullptr;
  Places<Group> groups_;
  Places<Record> records_;
  std::uint64_t default_ = 0;  // the prefix of length 0, kept out of the root's 2^24 entries
};

extern template class PrefixTable<Ipv4Prefixes>;
extern template class PrefixTable<Ipv6Prefixes>;

}  // namespace gotthard::dataplane
