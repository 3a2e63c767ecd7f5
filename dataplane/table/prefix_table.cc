#include "dataplane/table/prefix_table.h"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

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

}  // namespace

template <typename F>
Result<std::unique_ptr<PrefixTable<F>>> PrefixTable<F>::create(std::size_t groups, int socket) {
  const std::size_t root = whole_pages(kRootEntries * sizeof(Entry));
  const std::size_t below = whole_pages(groups * kGroupEntries * sizeof(Entry));
  const std::size_t group_lengths = whole_pages(groups * kGroupEntries);
  auto memory = map_zeroed(root + below + kRootEntries + group_lengths, socket);
  if (!memory) {
    return tl::unexpected(memory.error());
  }
  std::unique_ptr<PrefixTable> table(new PrefixTable());
  table->memory_ = std::move(*memory);
  std::byte* at = table->memory_.data();
  table->root_ = reinterpret_cast<Entry*>(at);
  table->groups_ = reinterpret_cast<Entry*>(at + root);
  table->root_lengths_ = reinterpret_cast<std::uint8_t*>(at + root + below);
  table->group_lengths_ = table->root_lengths_ + kRootEntries;
  return table;
}

template <typename F>
void PrefixTable<F>::set(const abi::Address& address, std::uint8_t length, std::uint16_t value) {
  if (length == 0) {
    default_ = value;
    return;
  }
  write(address, length, {.value = value, .length = length, .least = 0, .greatest = length});
}

template <typename F>
void PrefixTable<F>::remove(const abi::Address& address, std::uint8_t length, Covering covering) {
  if (length == 0) {
    default_ = 0;
    return;
  }
  write(address, length,
        {.value = covering.value, .length = covering.length, .least = length, .greatest = length});
}

template <typename F>
void PrefixTable<F>::write(const abi::Address& address, std::uint8_t length, const Fill& fill) {
  const auto& bytes = address.bytes;
  const std::size_t root =
      (std::size_t{bytes[0]} << 16) | (std::size_t{bytes[1]} << 8) | std::size_t{bytes[2]};
  if (length <= 8 * kRootBytes) {
    fill_entries(in_root(root), std::size_t{1} << (8 * kRootBytes - length), fill);
    return;
  }
  std::array<Place, kLevels> path;
  unsigned depth = 0;
  Place place = in_root(root);
  unsigned at = kRootBytes;
  for (;; ++at) {
    if ((*place.entry & kExtended) == 0) {
      extend(place);
    }
    path[depth++] = place;
    place = in_group(*place.entry, bytes[at]);
    if (length <= 8 * (at + 1)) {
      break;
    }
  }
  fill_entries(place, std::size_t{1} << (8 * (at + 1) - length), fill);
  // A removed prefix may have been the last within its group, and that the last within the next.
  while (depth > 0 && collapse(path[--depth], 8 * at--)) {
  }
}

template <typename F>
void PrefixTable<F>::fill_entries(Place first, std::size_t count, const Fill& fill) {
  for (std::size_t i = 0; i < count; ++i) {
    Entry* entry = first.entry + i;
    std::uint8_t* length = first.length + i;
    if ((*entry & kExtended) != 0) {
      fill_entries(in_group(*entry, 0), kGroupEntries, fill);
    } else if (*length >= fill.least && *length <= fill.greatest) {
      *entry = fill.value;
      *length = fill.length;
    }
  }
}

// Puts a group in an entry's place that says the same.
template <typename F>
void PrefixTable<F>::extend(Place place) {
  Entry group;
  if (free_.empty()) {
    group = static_cast<Entry>(next_group_++);
  } else {
    group = free_.back();
    free_.pop_back();
  }
  const Entry extended = static_cast<Entry>(kExtended | group);
  const Place first = in_group(extended, 0);
  std::fill_n(first.entry, kGroupEntries, *place.entry);
  std::fill_n(first.length, kGroupEntries, *place.length);
  *place.entry = extended;
}

// Gives a group back when no prefix longer than the `boundary` bits that lead to it is left within:
// then all its entries say the same. False: it is still needed.
template <typename F>
bool PrefixTable<F>::collapse(Place place, unsigned boundary) {
  const Place first = in_group(*place.entry, 0);
  for (std::size_t i = 0; i < kGroupEntries; ++i) {
    if ((first.entry[i] & kExtended) != 0 || first.length[i] > boundary) {
      return false;
    }
  }
  free_.push_back(static_cast<Entry>(*place.entry & ~kExtended));
  *place.entry = *first.entry;
  *place.length = *first.length;
  return true;
}

template class PrefixTable<Ipv4Prefixes>;
template class PrefixTable<Ipv6Prefixes>;

}  // namespace gotthard::dataplane
