#include "control/checkpoint/checkpoint.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <type_traits>

#include "crypto/bytes.h"
#include "crypto/hash.h"

namespace gotthard::checkpoint {

namespace {

constexpr std::uint64_t kMagic = 0x6b636568'74746f67;  // "gottheck"

void fence() { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace

// One of the two versions of a record. Bytes throughout: no padding that a checksum would miss.
struct Checkpoint::Copy {
  RecordKey key{};
  std::array<std::uint8_t, 8> generation{};  // counts up from 1
  std::array<std::uint8_t, 12> greatest_received{};
  std::array<std::uint8_t, 12> last_sent{};
  std::uint8_t family = 0;
  std::array<std::uint8_t, 16> endpoint{};
  std::array<std::uint8_t, 2> endpoint_port{};
  std::uint8_t unused = 0;
  std::array<std::uint8_t, 28> reserved{};
  std::array<std::uint8_t, 16> checksum{};  // over all before it

  [[nodiscard]] std::array<std::uint8_t, 16> expected() const {
    const auto hash = crypto::blake2s(
        {}, std::as_bytes(std::span(this, 1)).first(sizeof(Copy) - sizeof(checksum)));
    std::array<std::uint8_t, 16> result;
    std::memcpy(result.data(), hash.data(), result.size());
    return result;
  }
  [[nodiscard]] std::uint64_t age() const {
    std::uint64_t value = 0;
    std::memcpy(&value, generation.data(), sizeof(value));
    return value;
  }
  [[nodiscard]] bool whole() const {
    return age() != 0 && (family == 0 || family == 4 || family == 6) && checksum == expected();
  }
  [[nodiscard]] bool never_written() const {
    const auto bytes = std::as_bytes(std::span(this, 1));
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
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

  // The newer one that checks out.
  [[nodiscard]] const Copy* newest() const {
    const Copy* best = nullptr;
    for (const Copy& copy : copies) {
      if (copy.whole() && (best == nullptr || copy.age() > best->age())) {
        best = &copy;
      }
    }
    return best;
  }
};

struct Checkpoint::Header {
  std::uint64_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t slot_size = 0;
  std::array<std::uint8_t, 240> reserved{};
};

RecordKey record_key(const std::array<std::uint8_t, 32>& own,
                     const std::array<std::uint8_t, 32>& peer) {
  return crypto::blake2s(crypto::bytes_of(own), crypto::bytes_of(peer));
}

Checkpoint::Checkpoint(std::span<std::byte> memory) : memory_(memory) {
  static_assert(std::is_trivially_copyable_v<Slot> && alignof(Slot) == 1 && sizeof(Slot) == 256 &&
                sizeof(Header) == 256);
  if (memory_.size() < sizeof(Header)) {
    return;
  }
  capacity_ = (std::min(memory_.size(), kPeersSize) - sizeof(Header)) / sizeof(Slot);
  Header header;
  std::memcpy(static_cast<void*>(&header), memory_.data(), sizeof(header));
  if (header.magic == kMagic && header.version == kVersion && header.slot_size == sizeof(Slot)) {
    take_over();
    return;
  }
  std::memset(memory_.data(), 0, memory_.size());
  header = {.magic = kMagic, .version = kVersion, .slot_size = sizeof(Slot)};
  std::memcpy(memory_.data(), &header, sizeof(header));
}

Checkpoint::Slot* Checkpoint::slot(std::size_t i) const {
  return reinterpret_cast<Slot*>(memory_.data() + sizeof(Header) + i * sizeof(Slot));
}

// Slots are filled in order, so the first that was never written is the end.
void Checkpoint::take_over() {
  for (std::size_t i = 0; i < capacity_; ++i) {
    const Slot& s = *slot(i);
    const auto& [a, b] = s.copies;
    if (a.never_written() && b.never_written()) {
      return;
    }
    for (const Copy& copy : s.copies) {
      damaged_ += !copy.never_written() && !copy.whole() ? 1 : 0;
    }
    const Copy* newest = s.newest();
    if (newest == nullptr || !index_.emplace(newest->key, i).second) {
      lost_.push_back(i);
    }
    used_ = i + 1;
  }
}

std::optional<PeerRecord> Checkpoint::find(const RecordKey& key) const {
  const auto found = index_.find(key);
  const Copy* copy = found == index_.end() ? nullptr : slot(found->second)->newest();
  return copy == nullptr || copy->key != key ? std::nullopt : std::optional(copy->record());
}

std::optional<std::size_t> Checkpoint::free_slot() {
  if (!lost_.empty()) {
    const std::size_t i = lost_.back();
    lost_.pop_back();
    std::memset(static_cast<void*>(slot(i)), 0, sizeof(Slot));
    return i;
  }
  return used_ < capacity_ ? std::optional(used_++) : std::nullopt;
}

bool Checkpoint::commit(const RecordKey& key, const PeerRecord& record) {
  auto found = index_.find(key);
  if (found == index_.end()) {
    const auto place = free_slot();
    if (!place) {
      return false;
    }
    found = index_.emplace(key, *place).first;
  }
  Slot* s = slot(found->second);
  const Copy* newest = s->newest();
  Copy* older = newest == &s->copies[0] ? &s->copies[1] : &s->copies[0];
  const std::uint64_t generation = (newest == nullptr ? 0 : newest->age()) + 1;
  Copy next{.key = key,
            .greatest_received = record.greatest_received,
            .last_sent = record.last_sent,
            .family = static_cast<std::uint8_t>(record.endpoint.family),
            .endpoint = record.endpoint.bytes};
  std::memcpy(next.generation.data(), &generation, sizeof(generation));
  std::memcpy(next.endpoint_port.data(), &record.endpoint_port, sizeof(record.endpoint_port));
  // Whoever dies between these stores leaves a copy that does not check out, and the other.
  older->checksum.fill(0);
  fence();
  const auto checksum = next.expected();
  *older = next;
  fence();
  older->checksum = checksum;
  fence();
  return true;
}

}  // namespace gotthard::checkpoint
