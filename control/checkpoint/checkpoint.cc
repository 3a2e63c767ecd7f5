#include "control/checkpoint/checkpoint.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <type_traits>

#include "base/clock.h"
#include "crypto/bytes.h"
#include "crypto/hash.h"

namespace gotthard::checkpoint {

namespace {

constexpr std::uint64_t kMagic = 0x6b636568'74746f67;  // "gottheck"

void fence() { std::atomic_signal_fence(std::memory_order_seq_cst); }

using Checksum = std::array<std::uint8_t, 16>;

// Over all of a copy but its checksum, which comes last.
template <typename T>
Checksum checksum_of(const T& copy) {
  const auto hash =
      crypto::blake2s({}, std::as_bytes(std::span(&copy, 1)).first(sizeof(T) - sizeof(Checksum)));
  Checksum result;
  std::memcpy(result.data(), hash.data(), result.size());
  return result;
}

template <typename T>
bool all_zero(const T& copy) {
  return std::ranges::all_of(std::as_bytes(std::span(&copy, 1)),
                             [](std::byte b) { return b == std::byte{0}; });
}

using Number = std::array<std::uint8_t, 8>;  // unaligned, host byte order

std::uint64_t value_of(const Number& bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

Number number_of(std::uint64_t value) {
  Number bytes;
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

// The newer of two copies that check out; null: none does.
template <typename T>
const T* newest_of(const std::array<T, 2>& copies) {
  const T* best = nullptr;
  for (const T& copy : copies) {
    if (copy.whole() && (best == nullptr || copy.age() > best->age())) {
      best = &copy;
    }
  }
  return best;
}

// Over the older one. Whoever dies between these stores leaves a copy that does not check out, and
// the other.
template <typename T>
T* replace_older(std::array<T, 2>* copies, T next) {
  const T* newest = newest_of(*copies);
  T* older = newest == &(*copies)[0] ? &(*copies)[1] : &(*copies)[0];
  next.generation = number_of((newest == nullptr ? 0 : newest->age()) + 1);
  next.checksum.fill(0);
  older->checksum.fill(0);
  fence();
  const Checksum checksum = checksum_of(next);
  *older = next;
  fence();
  older->checksum = checksum;
  fence();
  return older;
}

}  // namespace

// One of the two versions of a record. Bytes throughout: no padding that a checksum would miss.
struct Checkpoint::Copy {
  RecordKey key{};
  Number generation{};  // counts up from 1
  std::array<std::uint8_t, 12> greatest_received{};
  std::array<std::uint8_t, 12> last_sent{};
  std::uint8_t family = 0;
  std::array<std::uint8_t, 16> endpoint{};
  std::array<std::uint8_t, 2> endpoint_port{};
  std::uint8_t unused = 0;
  Number released{};  // as Place has it
  std::array<std::uint8_t, 20> reserved{};
  Checksum checksum{};

  [[nodiscard]] std::uint64_t age() const { return value_of(generation); }
  [[nodiscard]] bool whole() const {
    return age() != 0 && (family == 0 || family == 4 || family == 6) &&
           checksum == checksum_of(*this);
  }
  [[nodiscard]] PeerRecord record() const {
    PeerRecord result{.greatest_received = greatest_received, .last_sent = last_sent};
    result.endpoint = {.family = static_cast<abi::Family>(family), .bytes = endpoint};
    std::memcpy(&result.endpoint_port, endpoint_port.data(), endpoint_port.size());
    return result;
  }
};

struct Checkpoint::Slot {
  std::array<Copy, 2> copies{};
};

struct Checkpoint::FloorCopy {
  noise::Timestamps floor;
  Number generation{};
  Checksum checksum{};

  [[nodiscard]] std::uint64_t age() const { return value_of(generation); }
  [[nodiscard]] bool whole() const { return age() != 0 && checksum == checksum_of(*this); }
};

struct Checkpoint::Header {
  std::uint64_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t slot_size = 0;
  std::array<FloorCopy, 2> floors{};
  std::array<std::uint8_t, 144> reserved{};
};

RecordKey record_key(const std::array<std::uint8_t, 32>& own,
                     const std::array<std::uint8_t, 32>& peer) {
  return crypto::blake2s(crypto::bytes_of(own), crypto::bytes_of(peer));
}

Checkpoint::Checkpoint(std::span<std::byte> memory) : memory_(memory) {
  static_assert(std::is_trivially_copyable_v<Slot> && alignof(Slot) == 1 && sizeof(Slot) == 256 &&
                sizeof(Header) == 256 && sizeof(FloorCopy) == 48);
  if (memory_.size() < sizeof(Header)) {
    return;
  }
  capacity_ = (std::min(memory_.size(), kPeersSize) - sizeof(Header)) / sizeof(Slot);
  if (const Header& found = *header();
      found.magic == kMagic && found.version == kVersion && found.slot_size == sizeof(Slot)) {
    take_over();
    return;
  }
  std::memset(memory_.data(), 0, memory_.size());
  *header() = {.magic = kMagic, .version = kVersion, .slot_size = sizeof(Slot)};
}

Checkpoint::Header* Checkpoint::header() const { return reinterpret_cast<Header*>(memory_.data()); }

Checkpoint::Slot* Checkpoint::slot(std::size_t i) const {
  return reinterpret_cast<Slot*>(memory_.data() + sizeof(Header) + i * sizeof(Slot));
}

// Slots are filled in order, so the first that was never written is the end.
void Checkpoint::take_over() {
  if (const FloorCopy* floor = newest_of(header()->floors)) {
    floor_ = floor->floor;
  }
  std::vector<RecordKey> in_use;
  for (std::size_t i = 0; i < capacity_; ++i) {
    const Slot& s = *slot(i);
    if (all_zero(s)) {
      break;
    }
    for (const Copy& copy : s.copies) {
      damaged_ += !all_zero(copy) && !copy.whole() ? 1 : 0;
    }
    used_ = i + 1;
    const Copy* newest = newest_of(s.copies);
    if (newest == nullptr || index_.contains(newest->key)) {
      lost_.push_back(i);
      continue;
    }
    const std::uint64_t released = value_of(newest->released);
    index_[newest->key] = {.slot = i, .released = released};
    if (released == 0 || !released_.emplace(released, newest->key).second) {
      in_use.push_back(newest->key);
    }
    last_released_ = std::max(last_released_, released);
  }
  // Until whoever has them says so; they were in use longer than those that were released.
  for (const RecordKey& key : in_use) {
    index_[key].released = ++last_released_;
    released_[last_released_] = key;
  }
}

std::optional<PeerRecord> Checkpoint::find(const RecordKey& key) const {
  const auto found = index_.find(key);
  const Copy* copy = found == index_.end() ? nullptr : newest_of(slot(found->second.slot)->copies);
  return copy == nullptr || copy->key != key ? std::nullopt : std::optional(copy->record());
}

std::optional<PeerRecord> Checkpoint::take(const RecordKey& key) {
  const auto record = find(key);
  if (record) {
    Place* place = &index_.at(key);
    const bool written = value_of(newest_of(slot(place->slot)->copies)->released) != 0;
    use(key, place);
    if (written) {
      write(place->slot, key, *record, 0);
    }
  }
  return record;
}

void Checkpoint::use(const RecordKey& key, Place* place) {
  if (const auto known = released_.find(place->released);
      known != released_.end() && known->second == key) {
    released_.erase(known);
  }
  place->released = 0;
}

bool Checkpoint::commit(const RecordKey& key, const PeerRecord& record) {
  auto found = index_.find(key);
  if (found != index_.end()) {
    use(key, &found->second);
    write(found->second.slot, key, record, 0);
    return true;
  }
  const auto place = free_slot();
  if (!place) {
    return false;
  }
  write(*place, key, record, 0);
  index_[key] = {.slot = *place, .released = 0};
  return true;
}

void Checkpoint::release(const RecordKey& key) {
  auto record = find(key);
  if (!record) {
    return;
  }
  Place* place = &index_.at(key);
  use(key, place);
  record->endpoint = {};
  record->endpoint_port = 0;
  place->released = ++last_released_;
  released_[last_released_] = key;
  write(place->slot, key, *record, place->released);
}

std::optional<std::size_t> Checkpoint::free_slot() {
  if (!lost_.empty()) {
    const std::size_t i = lost_.back();
    lost_.pop_back();
    return i;
  }
  if (used_ < capacity_) {
    return used_++;
  }
  if (released_.empty()) {
    return std::nullopt;
  }
  const auto oldest = index_.find(released_.begin()->second);
  const std::size_t i = oldest->second.slot;
  if (const Copy* copy = newest_of(slot(i)->copies)) {
    raise_floor(copy->record());
  }
  released_.erase(released_.begin());
  index_.erase(oldest);
  return i;
}

// Before the record is overwritten.
void Checkpoint::raise_floor(const PeerRecord& gone) {
  const noise::Tai64n received = std::min(gone.greatest_received, noise::tai64n(realtime_now()));
  const noise::Timestamps raised{.greatest_received = std::max(floor_.greatest_received, received),
                                 .last_sent = std::max(floor_.last_sent, gone.last_sent)};
  if (raised != floor_) {
    floor_ = raised;
    replace_older(&header()->floors, FloorCopy{.floor = raised});
  }
}

void Checkpoint::write(std::size_t i, const RecordKey& key, const PeerRecord& record,
                       std::uint64_t released) {
  Copy next{.key = key,
            .greatest_received = record.greatest_received,
            .last_sent = record.last_sent,
            .family = static_cast<std::uint8_t>(record.endpoint.family),
            .endpoint = record.endpoint.bytes,
            .released = number_of(released)};
  std::memcpy(next.endpoint_port.data(), &record.endpoint_port, sizeof(record.endpoint_port));
  auto& copies = slot(i)->copies;
  const Copy* written = replace_older(&copies, next);
  // What was another's is not to come back.
  if (Copy* other = written == &copies[0] ? &copies[1] : &copies[0]; other->key != key) {
    *other = {};
  }
}

}  // namespace gotthard::checkpoint
