// What must outlive control, in memory that the supervisor holds: per WireGuard peer the greatest
// TAI64N received, the last one sent, and the endpoint it was last heard from.
//
// A removed peer's record stays, so that its old initiations stay old when it comes back. When all
// records are taken, those make room whose peers were removed first; their timestamps live on in
// one floor below which no peer without a record begins.
//
// Each record has two copies, each with its key, a generation and a checksum; a commit writes the
// older one, so that a control that dies in the middle leaves the other whole. Whatever the memory
// holds, reading it ends with records that check out and nothing else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "control/noise/tai64n.h"
#include "dataplane/abi/records.h"

namespace gotthard::checkpoint {

inline constexpr std::uint32_t kVersion = 1;

// Peers come first, then the running configuration's changes (RunningStore), then IKE SAs
// (StateStore).
inline constexpr std::size_t kPeersSize = 8U << 20;
inline constexpr std::size_t kRunningSize = 16U << 20;

// Which of our keys and which peer's: BLAKE2s of both public keys. All zero names nobody.
using RecordKey = std::array<std::uint8_t, 32>;
[[nodiscard]] RecordKey record_key(const std::array<std::uint8_t, 32>& own,
                                   const std::array<std::uint8_t, 32>& peer);

struct PeerRecord {
  std::array<std::uint8_t, 12> greatest_received{};
  std::array<std::uint8_t, 12> last_sent{};
  abi::Address endpoint;            // family none: never heard from
  std::uint16_t endpoint_port = 0;  // network byte order
  bool operator==(const PeerRecord&) const = default;
};

class Checkpoint {
 public:
  // Takes over what is there; memory of another version, or that was never written, starts empty.
  // `memory` outlives the object.
  explicit Checkpoint(std::span<std::byte> memory);

  [[nodiscard]] std::optional<PeerRecord> find(const RecordKey& key) const;
  // The same for a peer that there is: its record makes no room from now on. What was taken over is
  // in nobody's use until then.
  [[nodiscard]] std::optional<PeerRecord> take(const RecordKey& key);
  // In force when it returns, and in use. False: no room, all records are in use.
  [[nodiscard]] bool commit(const RecordKey& key, const PeerRecord& record);
  // Its peer is removed: where it was is forgotten, its timestamps are not. No such record is no
  // error.
  void release(const RecordKey& key);
  // What a peer without a record begins with: the greatest of each kind in what made room. Received
  // ones beyond our own clock count as of then: a peer whose clock is wrong does not lock out those
  // that come after it.
  [[nodiscard]] const noise::Timestamps& floor() const { return floor_; }
  [[nodiscard]] std::size_t size() const { return index_.size(); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  // Copies that did not check out when taken over.
  [[nodiscard]] std::size_t damaged() const { return damaged_; }

 private:
  struct Copy;
  struct Slot;
  struct FloorCopy;
  struct Header;
  struct Place {
    std::size_t slot = 0;
    std::uint64_t released = 0;  // counts up; 0: in use
  };
  [[nodiscard]] Slot* slot(std::size_t i) const;
  [[nodiscard]] Header* header() const;
  void take_over();
  void use(const RecordKey& key, Place* place);
  void write(std::size_t slot, const RecordKey& key, const PeerRecord& record,
             std::uint64_t released);
  // The place of a new record.
  [[nodiscard]] std::optional<std::size_t> free_slot();
  void raise_floor(const PeerRecord& gone);

  std::span<std::byte> memory_;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  std::size_t damaged_ = 0;
  std::vector<std::size_t> lost_;  // slots without a whole copy
  std::map<RecordKey, Place> index_;
  std::map<std::uint64_t, RecordKey> released_;  // by when
  std::uint64_t last_released_ = 0;
  noise::Timestamps floor_;
};

}  // namespace gotthard::checkpoint
