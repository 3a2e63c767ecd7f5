// The other side of an attachment may write anything into the rings and the directory at any time:
// each side stays within its ring, and what is read of a session is one that can be.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "control/wireguard/directory_reader.h"
#include "dataplane/abi/directory.h"
#include "dataplane/abi/ring.h"

namespace {

using namespace gotthard;

constexpr std::size_t kSlots = 8;
using Value = std::array<std::uint8_t, 16>;
using Memory = abi::RingMemory<Value, kSlots>;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

// A consumer whose producer moves `head` as it likes, and a producer whose consumer moves `tail`.
// Steps of nine bytes: what to do, an index.
void use_rings(const std::uint8_t* data, std::size_t size) {
  const auto taken = std::make_unique<Memory>();
  const auto given = std::make_unique<Memory>();
  abi::RingConsumer consumer(taken.get());
  abi::RingProducer producer(given.get());
  std::uint64_t popped = 0;
  std::uint64_t pushed = 0;
  for (; size >= 9; data += 9, size -= 9) {
    std::uint64_t index = 0;
    std::memcpy(&index, data + 1, sizeof(index));
    // Near what the ring has come to, or anything.
    const bool near = (data[0] & 1) != 0;
    const std::uint64_t head = near ? popped + index % 12 - 2 : index;
    const std::uint64_t tail = near ? pushed - index % 12 + 2 : index;
    taken->head = head;
    taken->slots[index % kSlots].fill(data[1]);
    const std::uint64_t available = head - popped;
    Value value{};
    const Value expected = taken->slots[popped % kSlots];
    const bool wipe = (data[0] & 2) != 0;
    require(consumer.broken() == (available > kSlots));
    const bool got = consumer.pop(&value, wipe);
    require(got == (available > 0 && available <= kSlots));
    if (got) {
      require(value == expected);
      require(!wipe || taken->slots[popped % kSlots] == Value{});
      require(taken->tail == ++popped);
    }

    given->tail = tail;
    const std::uint64_t used = pushed - tail;
    require(producer.depth() <= kSlots);
    const bool put = producer.push(value);
    require(put == (used < kSlots));
    if (put) {
      require(given->slots[pushed % kSlots] == value);
      require(given->head == ++pushed);
    }
  }
}

void read_directory(const std::uint8_t* data, std::size_t size) {
  const auto peer = std::make_unique<abi::PeerEntry>();
  const auto session = std::make_unique<abi::SessionEntry>();
  std::memcpy(static_cast<void*>(peer.get()), data, std::min(size, sizeof(*peer)));
  std::memcpy(static_cast<void*>(session.get()), data, std::min(size, sizeof(*session)));
  require(control::identity_of(*peer).has_value() == (peer->used == 1));
  const std::size_t slot = session->local_id & abi::kSlotMask;
  const auto seen = control::read_session(*session, slot);
  if (seen) {
    require(seen->state == abi::SessionState::live || seen->state == abi::SessionState::retiring);
    require(seen->local_id >= abi::kLowestSessionId && seen->local_id == session->local_id);
  }
  require(!control::read_session(*session, slot + 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  use_rings(data, size);
  read_directory(data, size);
  return 0;
}
