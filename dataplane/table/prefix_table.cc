#include "dataplane/table/prefix_table.h"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

namespace gotthard::dataplane {
namespace {

// Zeroed address space that takes memory only where it is written; the huge pages of the kernel
// spare lookups most misses of the TLB.
Result<Mapping> map_zeroed(std::size_t size, int socket) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return fail("no address space for a table of {} MB: lower dataplane.routes", size >> 20);
  }
  Mapping mapping(static_cast<std::byte*>(memory), size);
  (void)::madvise(memory, size, MADV_HUGEPAGE);
  if (socket >= 0 && socket < 64) {
    // Preferred, not required: a table far away is slow, none at all is worse.
    const unsigned long nodes = 1UL << socket;
    (void)::syscall(SYS_mbind, memory, size, MPOL_PREFERRED, &nodes, 8 * sizeof(nodes), 0);
  }
  return mapping;
}

constexpr std::size_t kHugePage = std::size_t{2} << 20;
std::size_t whole_pages(std::size_t size) { return (size + kHugePage - 1) & ~(kHugePage - 1); }

// Entries that a prefix fills in the group in which it ends.
std::size_t slots_of(unsigned length, unsigned at) {
  return std::size_t{1} << (8 * (at + 1) - length);
}

}  // namespace

template <typename F>
Result<std::unique_ptr<PrefixTable<F>>> PrefixTable<F>::create(std::size_t prefixes, int socket) {
  const std::size_t root = whole_pages(kRootEntries * sizeof(FibEntry));
  const std::size_t groups = whole_pages(prefixes * sizeof(Group));
  // One for each prefix, and one for each group.
  const std::size_t records = whole_pages(2 * prefixes * sizeof(Record));
  auto memory = map_zeroed(root + groups + records, socket);
  if (!memory) {
    return tl::unexpected(memory.error());
  }
  std::unique_ptr<PrefixTable> table(new PrefixTable());
  table->memory_ = std::move(*memory);
  std::byte* at = table->memory_.data();
  table->root_ = reinterpret_cast<FibEntry*>(at);
  table->groups_.put(at + root);
  table->records_.put(at + root + groups);
  return table;
}

// ---------------------------------------------------------------- entries

template <typename F>
void PrefixTable<F>::fill_entries(FibEntry* first, std::size_t count, const Fill& fill) {
  for (std::size_t i = 0; i < count; ++i) {
    FibEntry* entry = first + i;
    if (!entry->is_value() && !entry->is_group()) {
      Record& record = records_[entry->index()];
      if (record.then.is_group()) {
        fill_entries(groups_[record.then.index()].data(), kGroupEntries, fill);
      }
      entry = &record.otherwise;
    }
    if (entry->is_group()) {
      fill_entries(groups_[entry->index()].data(), kGroupEntries, fill);
    } else if (entry->length() >= fill.least && entry->length() <= fill.greatest) {
      *entry = fill.entry;
    }
  }
}

// The prefix ends in this group, which its byte `at` indexes, or covers it.
template <typename F>
void PrefixTable<F>::write_group(Group* group, const Prefix& prefix, unsigned at,
                                 const Fill& fill) {
  if (prefix.length <= 8 * at) {
    fill_entries(group->data(), kGroupEntries, fill);
  } else {
    fill_entries(group->data() + prefix.byte(at), slots_of(prefix.length, at), fill);
  }
}

template <typename F>
FibEntry PrefixTable<F>::new_group(FibEntry everywhere) {
  const std::uint32_t index = groups_.take();
  groups_[index].fill(everywhere);
  return FibEntry::of_group(index);
}

template <typename F>
FibEntry PrefixTable<F>::new_record(const Record& record) {
  const std::uint32_t index = records_.take();
  records_[index] = record;
  return FibEntry::of_record(index);
}

template <typename F>
unsigned PrefixTable<F>::common_bits(const Record& record, const Prefix& prefix) {
  const unsigned shorter = std::min<unsigned>(record.bits, prefix.length);
  for (unsigned at = 0; 8 * at < shorter; ++at) {
    const auto difference = static_cast<std::uint8_t>(record.match.byte(at) ^ prefix.byte(at));
    if (difference != 0) {
      const auto same = static_cast<unsigned>(std::countl_zero(difference));
      return std::min(shorter, 8 * at + same);
    }
  }
  return shorter;
}

// ---------------------------------------------------------------- setting

template <typename F>
void PrefixTable<F>::set(const abi::Address& address, std::uint8_t length, std::uint32_t value) {
  if (length == 0) {
    default_ = value;
    return;
  }
  const FibEntry entry = FibEntry::of_value(value, length);
  FibEntry* root = root_ + ((std::size_t{address.bytes[0]} << 16) |
                            (std::size_t{address.bytes[1]} << 8) | std::size_t{address.bytes[2]});
  if (length <= 8 * kRootBytes) {
    fill_entries(root, std::size_t{1} << (8 * kRootBytes - length),
                 {.entry = entry, .least = 0, .greatest = length});
    return;
  }
  set_below(root, kRootBytes, {address, length}, entry);
}

// The prefix is longer than the `at` bytes that lead to `entry`.
template <typename F>
void PrefixTable<F>::set_below(FibEntry* entry, unsigned at, const Prefix& prefix, FibEntry value) {
  const Fill fill{.entry = value, .least = 0, .greatest = prefix.length};
  for (;;) {
    if (entry->is_value()) {
      *entry = new_record({.match = F::Match::of(prefix.address, prefix.length),
                           .then = value,
                           .otherwise = *entry,
                           .bits = prefix.length,
                           .at = static_cast<std::uint8_t>(at)});
      return;
    }
    if (entry->is_group()) {
      Group* group = &groups_[entry->index()];
      if (prefix.length <= 8 * (at + 1)) {
        return write_group(group, prefix, at, fill);
      }
      entry = &(*group)[prefix.byte(at++)];
      continue;
    }
    Record& record = records_[entry->index()];
    const unsigned common = common_bits(record, prefix);
    const bool single = record.then.is_value();
    if (single && common == record.bits && record.bits == prefix.length) {
      record.then = value;
      return;
    }
    if (!single && common == record.bits) {
      if (prefix.length <= 8 * (record.at + 1U)) {
        return write_group(&groups_[record.then.index()], prefix, record.at, fill);
      }
      at = record.at;
      entry = &groups_[record.then.index()][prefix.byte(at++)];
      continue;
    }
    // They part, or one ends within the other, in this byte.
    const unsigned ends = (prefix.length - 1U) / 8;
    const unsigned record_ends = single ? (record.bits - 1U) / 8 : record.at;
    part(entry, at, std::min({common / 8, ends, record_ends}), prefix);
  }
}

// Puts a group of the byte `where` above a record, reached at once or by the bytes that it shares
// with the prefix.
template <typename F>
void PrefixTable<F>::part(FibEntry* entry, unsigned at, unsigned where, const Prefix& prefix) {
  const std::uint32_t index = entry->index();
  Record& record = records_[index];
  const FibEntry group = new_group(record.otherwise);
  Group& entries = groups_[group.index()];
  const FibEntry otherwise = record.otherwise;
  const std::size_t slot = record.match.byte(where);
  if (record.then.is_value() && record.bits <= 8 * (where + 1)) {
    std::fill_n(entries.begin() + static_cast<std::ptrdiff_t>(slot), slots_of(record.bits, where),
                record.then);
    records_.give_back(index);
  } else {
    // Nothing is shared below any more: the group itself stands in the entry.
    const bool next = record.then.is_group() && record.at == where + 1;
    entries[slot] = next ? record.then : FibEntry::of_record(index);
    if (next) {
      records_.give_back(index);
    }
  }
  *entry = where == at ? group
                       : new_record({.match = F::Match::of(prefix.address, 8 * where),
                                     .then = group,
                                     .otherwise = otherwise,
                                     .bits = static_cast<std::uint8_t>(8 * where),
                                     .at = static_cast<std::uint8_t>(where)});
}

// ---------------------------------------------------------------- removing

template <typename F>
void PrefixTable<F>::remove(const abi::Address& address, std::uint8_t length, Covering covering) {
  if (length == 0) {
    default_ = 0;
    return;
  }
  const Fill fill{.entry = covering.length == 0
                               ? FibEntry()
                               : FibEntry::of_value(covering.value, covering.length),
                  .least = length,
                  .greatest = length};
  FibEntry* root = root_ + ((std::size_t{address.bytes[0]} << 16) |
                            (std::size_t{address.bytes[1]} << 8) | std::size_t{address.bytes[2]});
  if (length <= 8 * kRootBytes) {
    fill_entries(root, std::size_t{1} << (8 * kRootBytes - length), fill);
    return;
  }
  remove_below(root, kRootBytes, {address, length}, fill);
}

template <typename F>
void PrefixTable<F>::remove_below(FibEntry* entry, unsigned at, const Prefix& prefix,
                                  const Fill& fill) {
  std::array<Step, kMostSteps> steps;
  unsigned depth = 0;
  for (;;) {
    unsigned indexed_by = at;
    FibEntry group = *entry;
    if (!entry->is_group()) {
      Record& record = records_[entry->index()];
      if (record.then.is_value()) {  // the prefix itself
        const std::uint32_t index = entry->index();
        *entry = record.otherwise;
        records_.give_back(index);
        break;
      }
      indexed_by = record.at;
      group = record.then;
    }
    steps[depth++] = {entry, at};
    if (prefix.length <= 8 * (indexed_by + 1)) {
      write_group(&groups_[group.index()], prefix, indexed_by, fill);
      break;
    }
    entry = &groups_[group.index()][prefix.byte(indexed_by)];
    at = indexed_by + 1;
  }
  while (depth > 0) {
    tidy(steps[--depth], prefix);
  }
}

// A group that a removed prefix lay in is needed while prefixes part or end in it: what is single
// stands in the entry instead.
template <typename F>
void PrefixTable<F>::tidy(const Step& step, const Prefix& prefix) {
  const bool by_record = !step.entry->is_group();
  const FibEntry outer = *step.entry;
  const FibEntry group_entry = by_record ? records_[outer.index()].then : outer;
  const unsigned at = by_record ? records_[outer.index()].at : step.bytes;
  const Group& group = groups_[group_entry.index()];

  // What is not the covering prefix's: nothing, one thing, or more.
  std::size_t first = kGroupEntries;
  std::size_t count = 0;
  FibEntry around;
  for (std::size_t i = 0; i < kGroupEntries; ++i) {
    if (group[i].is_value() && group[i].length() <= 8 * step.bytes) {
      around = group[i];
      continue;
    }
    if (first != kGroupEntries && group[i] != group[first]) {
      return;
    }
    first = std::min(first, i);
    ++count;
  }
  FibEntry left = around;
  if (count > 0) {
    abi::Address address = prefix.address;
    address.bytes[at] = static_cast<std::uint8_t>(first);
    const FibEntry only = group[first];
    // Where no entry is left, the covering prefix is not to be seen.
    const FibEntry beside = by_record ? records_[outer.index()].otherwise : around;
    if (only.is_value()) {
      if (only.length() > 8 * (at + 1) || count != slots_of(only.length(), at)) {
        return;
      }
      left = new_record({.match = F::Match::of(address, only.length()),
                         .then = only,
                         .otherwise = beside,
                         .bits = only.length(),
                         .at = static_cast<std::uint8_t>(step.bytes)});
    } else if (only.is_group()) {
      left = new_record({.match = F::Match::of(address, 8 * (at + 1)),
                         .then = only,
                         .otherwise = beside,
                         .bits = static_cast<std::uint8_t>(8 * (at + 1)),
                         .at = static_cast<std::uint8_t>(at + 1)});
    } else if (records_[only.index()].otherwise.length() > 8 * step.bytes) {
      return;  // two: one that ends here, and what lies in it
    } else {
      left = only;
    }
  } else if (by_record) {
    left = records_[outer.index()].otherwise;
  }
  groups_.give_back(group_entry.index());
  if (by_record) {
    records_.give_back(outer.index());
  }
  *step.entry = left;
}

template class PrefixTable<Ipv4Prefixes>;
template class PrefixTable<Ipv6Prefixes>;

}  // namespace gotthard::dataplane
