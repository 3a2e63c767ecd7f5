#include "control/checkpoint/checkpoint.h"

#include <atomic>
#include <cstring>

#include "crypto/bytes.h"
#include "crypto/hash.h"

namespace gotthard::checkpoint {

namespace {

constexpr std::uint64_t kMagic = 0x6b636568'74746f67;  // "gottheck"

}  // namespace

// One of the two versions of a record. `checksum` covers the key and everything before it.
struct Checkpoint::Copy {
  std::uint64_t generation = 0;  // 0: never written
  PeerRecord record;
  std::array<std::uint8_t, 16> checksum{};

  [[nodiscard]] std::array<std::uint8_t, 16> expected(const RecordKey& key) const {
    // Field by field: padding is not to count.
    std::array<std::uint8_t, 8 + 12 + 12 + 1 + 16 + 2> bytes{};
    std::uint8_t* out = bytes.data();
    const auto put = [&](const void* data, std::size_t size) {
      std::memcpy(out, data, size);
      out += size;
    };
    put(&generation, 8);
    put(record.greatest_received.data(), 12);
    put(record.last_sent.data(), 12);
    put(&record.endpoint.family, 1);
    put(record.endpoint.bytes.data(), 16);
    put(&record.endpoint_port, 2);
    const auto hash = crypto::blake2s(crypto::bytes_of(key), crypto::bytes_of(bytes));
    std::array<std::uint8_t, 16> result;
    std::memcpy(result.data(), hash.data(), result.size());
    return result;
  }
  [[nodiscard]] bool whole(const RecordKey& key) const {
    const bool family_known = record.endpoint.family == abi::Family::none ||
                              record.endpoint.family == abi::Family::ipv4 ||
                              record.endpoint.family == abi::Family::ipv6;
    return generation != 0 && family_known && checksum == expected(key);
  }
};

struct Checkpoint::Slot {
  RecordKey key{};
  std::array<Copy, 2> copies{};

  // The newer one that checks out.
  [[nodiscard]] const Copy* newest() const {
    const Copy* best = nullptr;
    for (const Copy& copy : copies) {
      if (copy.whole(key) && (best == nullptr || copy.generation > best->generation)) {
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
};

RecordKey record_key(const std::array<std::uint8_t, 32>& own,
                     const std::array<std::uint8_t, 32>& peer) {
  return crypto::blake2s(crypto::bytes_of(own), crypto::bytes_of(peer));
}

Checkpoint::Checkpoint(std::span<std::byte> memory) : memory_(memory) {
  if (memory_.size() < sizeof(Header)) {
    return;
  }
  capacity_ = (memory_.size() - sizeof(Header)) / sizeof(Slot);
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

void Checkpoint::take_over() {
  static constexpr RecordKey kUnused{};
  for (std::size_t i = 0; i < capacity_ && slot(i)->key != kUnused; ++i) {
    const Slot& s = *slot(i);
    for (const Copy& copy : s.copies) {
      damaged_ += copy.generation != 0 && !copy.whole(s.key) ? 1 : 0;
    }
    if (s.newest() != nullptr) {
      index_.emplace(s.key, i);
    }
    used_ = i + 1;
  }
}

std::optional<PeerRecord> Checkpoint::find(const RecordKey& key) const {
  const auto found = index_.find(key);
  const Copy* copy = found == index_.end() ? nullptr : slot(found->second)->newest();
  return copy == nullptr ? std::nullopt : std::optional(copy->record);
}

bool Checkpoint::commit(const RecordKey& key, const PeerRecord& record) {
  auto found = index_.find(key);
  if (found == index_.end()) {
    if (used_ == capacity_) {
      return false;
    }
    slot(used_)->key = key;
    found = index_.emplace(key, used_++).first;
  }
  Slot* s = slot(found->second);
  const Copy* newest = s->newest();
  Copy* older = newest == &s->copies[0] ? &s->copies[1] : &s->copies[0];
  // Whoever dies between these stores leaves a copy that does not check out, and the other.
  older->checksum.fill(0);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  older->generation = (newest == nullptr ? 0 : newest->generation) + 1;
  older->record = record;
  const auto checksum = older->expected(key);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  older->checksum = checksum;
  return true;
}

}  // namespace gotthard::checkpoint
