#include "control/checkpoint/state_store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <iterator>
#include <utility>

#include "crypto/hash.h"
#include "crypto/secret.h"

namespace gotthard::checkpoint {

struct StateStore::Header {
  std::uint64_t generation = 0;  // counts up from 1
  std::uint64_t key = 0;
  std::uint64_t size = 0;
  std::array<std::uint8_t, 32> checksum{};  // over these and the text

  [[nodiscard]] std::array<std::uint8_t, 32> expected(std::span<const std::byte> text) const {
    return crypto::blake2s(std::as_bytes(std::span(this, 1)).first(24), text);
  }
};

StateStore::StateStore(std::span<std::byte> memory) : memory_(memory) { take_over(); }

std::span<std::byte> StateStore::at(const Place& place) const {
  return memory_.subspan(place.start * kGranule, place.count * kGranule);
}

bool StateStore::whole(std::size_t start, Header* header) const {
  const std::span<std::byte> from = memory_.subspan(start * kGranule);
  std::memcpy(header, from.data(), sizeof(*header));
  return header->generation != 0 && header->size <= kLongest &&
         header->size <= from.size() - sizeof(*header) &&
         header->expected(from.subspan(sizeof(*header), header->size)) == header->checksum;
}

// Of two with one number the younger one counts. What is between whole texts is wiped: a text that
// was being written, or one that was replaced.
void StateStore::take_over() {
  const auto count_of = [](std::uint64_t size) {
    return (sizeof(Header) + static_cast<std::size_t>(size) + kGranule - 1) / kGranule;
  };
  std::size_t gap = 0;
  const auto close_gap = [&](std::size_t end) {
    if (end > gap) {
      const Place place{.start = gap, .count = end - gap};
      wipe(place);
      release(place);
    }
  };
  for (std::size_t start = 0; start < granules();) {
    Header header;
    if (!whole(start, &header)) {
      ++start;
      continue;
    }
    const Place place{
        .start = start, .count = count_of(header.size), .generation = header.generation};
    close_gap(start);
    start += place.count;
    gap = start;
    generation_ = std::max(generation_, place.generation);
    const auto [known, is_new] = places_.try_emplace(header.key, place);
    if (is_new) {
      continue;
    }
    const Place old =
        known->second.generation < place.generation ? std::exchange(known->second, place) : place;
    wipe(old);
    release(old);
  }
  close_gap(granules());
}

bool StateStore::write(std::uint64_t key, std::span<const std::byte> text) {
  const std::size_t count = (sizeof(Header) + text.size() + kGranule - 1) / kGranule;
  const auto found =
      std::ranges::find_if(free_, [count](const auto& free) { return free.second >= count; });
  if (found == free_.end() || text.size() > kLongest) {
    return false;
  }
  const auto [start, size] = *found;
  free_.erase(found);
  if (size > count) {
    free_.emplace(start + count, size - count);
  }
  const Place place{.start = start, .count = count, .generation = ++generation_};
  const std::span<std::byte> to = at(place);
  Header header{.generation = place.generation, .key = key, .size = text.size()};
  header.checksum = header.expected(text);
  std::memcpy(to.data() + sizeof(header), text.data(), text.size());
  // Not whole until its header is.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(to.data(), &header, sizeof(header));
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (const auto [known, is_new] = places_.try_emplace(key, place); !is_new) {
    const Place old = std::exchange(known->second, place);
    wipe(old);
    release(old);
  }
  return true;
}

void StateStore::remove(std::uint64_t key) {
  const auto found = places_.find(key);
  if (found != places_.end()) {
    wipe(found->second);
    release(found->second);
    places_.erase(found);
  }
}

void StateStore::for_each(
    const std::function<void(std::uint64_t key, std::span<const std::byte> text)>& each) const {
  for (const auto& [key, place] : places_) {
    Header header;
    std::memcpy(&header, at(place).data(), sizeof(header));
    each(key, at(place).subspan(sizeof(header), header.size));
  }
}

// The header first: what is half wiped is not whole.
void StateStore::wipe(const Place& place) {
  crypto::wipe(at(place).first(sizeof(Header)));
  std::atomic_signal_fence(std::memory_order_seq_cst);
  crypto::wipe(at(place));
}

void StateStore::release(const Place& place) {
  auto [at, added] = free_.emplace(place.start, place.count);
  const auto next = std::next(at);
  if (next != free_.end() && at->first + at->second == next->first) {
    at->second += next->second;
    free_.erase(next);
  }
  if (at != free_.begin()) {
    const auto before = std::prev(at);
    if (before->first + before->second == at->first) {
      before->second += at->second;
      free_.erase(at);
    }
  }
}

}  // namespace gotthard::checkpoint
