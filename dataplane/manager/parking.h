// Packets that wait: for a neighbour's address, for a session. Bounded in number and time; only
// mbufs and ids are held, no pointer into tables. The manager's thread.
#pragma once

#include <rte_mbuf.h>

#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "base/clock.h"
#include "dataplane/abi/drop.h"
#include "dataplane/abi/records.h"

namespace gotthard::dataplane {

enum class WaitKind : std::uint8_t { neighbour, address, session };

// What a packet waits for: a neighbour's number, an address on-link at a port, a peer's session.
struct WaitKey {
  WaitKind kind = WaitKind::neighbour;
  std::uint32_t number = 0;  // neighbour, port or peer
  abi::Address address;      // WaitKind::address only
  auto operator<=>(const WaitKey&) const = default;
};

class Parking {
 public:
  using DropSink = std::function<void(rte_mbuf*, Drop)>;  // counts and frees

  // RFC 4861 7.2.2 asks for at least one packet per neighbour; a handshake takes a round trip, or
  // five seconds more when its first message is lost. For a next hop they wait as long as the
  // kernel asks for it, as there are few; hosts that are not there may be asked for in any number.
  static constexpr std::size_t kPerNeighbour = 4;
  static constexpr std::size_t kPerSession = 64;
  static constexpr std::size_t kTotal = 4096;
  static constexpr Nanoseconds kNeighbourWait = 3 * kSecond;
  static constexpr Nanoseconds kAddressWait = kSecond;
  static constexpr Nanoseconds kSessionWait = 6 * kSecond;

  explicit Parking(DropSink drop) : drop_(std::move(drop)) {}
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;
  ~Parking();

  // Takes the packet, or drops it (`park_full`; for a session the oldest makes room). True when the
  // wait for this key should be told to control: at its first packet, and once a second while it
  // lasts.
  [[nodiscard]] bool park(const WaitKey& key, rte_mbuf* mbuf, Nanoseconds now);
  // Gives back all that waited for `key`, oldest first.
  [[nodiscard]] std::vector<rte_mbuf*> release(const WaitKey& key);
  // Drops what has waited too long. What waits on for neighbours, to be told again: the kernel may
  // just have given one up.
  [[nodiscard]] std::vector<WaitKey> expire(Nanoseconds now);
  // Keys of `kind` that packets wait for, for re-checking after tables changed.
  [[nodiscard]] std::vector<WaitKey> waiting(WaitKind kind) const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Parked {
    rte_mbuf* mbuf = nullptr;
    Nanoseconds until = 0;
  };
  struct Queue {
    std::deque<Parked> packets;
    Nanoseconds told = 0;
  };

  DropSink drop_;
  std::map<WaitKey, Queue> queues_;
  std::size_t size_ = 0;
};

}  // namespace gotthard::dataplane
