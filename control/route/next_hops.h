// Next hops and owners: equal ones share a number, counted by the prefixes that have it. What a
// number means never changes while it is used.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "control/route/command_sink.h"
#include "control/route/neighbours.h"
#include "control/route/number_pool.h"

namespace gotthard::route {

// What a prefix leads to, before it has a number.
struct Hop {
  abi::HopKind kind = abi::HopKind::blackhole;
  bool allow_plain = false;
  std::uint16_t port = 0;  // local: the owner's number
  std::uint16_t interface = 0;
  std::uint16_t mtu = 0;
  std::uint32_t peer = abi::kNoPeer;
  Address neighbour;
  auto operator<=>(const Hop&) const = default;
};

class NextHops {
 public:
  NextHops(CommandSink* sink, Neighbours* neighbours);

  // Counted. Falls back to a blackhole when no number is left: never to somewhere else.
  std::uint32_t acquire(const Hop& hop, Nanoseconds now);
  void release(std::uint32_t number);
  [[nodiscard]] const Hop& at(std::uint32_t number) const { return entries_[number].hop; }

  void committed(std::uint64_t serial) { pool_.committed(serial); }
  void applied(std::uint64_t serial) { pool_.applied(serial); }
  // A new attachment: none is in use, and numbers are given anew.
  void restart();

  [[nodiscard]] std::size_t size() const { return numbers_.size(); }
  [[nodiscard]] std::uint64_t exhausted() const { return exhausted_; }

 private:
  struct Entry {
    Hop hop;
    std::uint32_t uses = 0;
    std::uint32_t neighbour = abi::kNoNeighbour;
  };
  void send(std::uint32_t number);

  CommandSink* sink_;
  Neighbours* neighbours_;
  NumberPool pool_;
  std::vector<Entry> entries_;  // by number
  std::map<Hop, std::uint32_t> numbers_;
  std::uint32_t blackhole_ = 0;  // always there
  std::uint64_t exhausted_ = 0;
};

struct Owner {
  std::uint32_t peer = 0;
  std::uint16_t interface = 0;
  bool operator==(const Owner&) const = default;
};

class Owners {
 public:
  explicit Owners(CommandSink* sink);

  // The chain of `owners`, in this order; at least one. Counted. 0: no number is left.
  std::uint32_t acquire(const std::vector<Owner>& owners);
  void release(std::uint32_t number);
  [[nodiscard]] bool equals(std::uint32_t number, const std::vector<Owner>& owners) const;

  void committed(std::uint64_t serial) { pool_.committed(serial); }
  void applied(std::uint64_t serial) { pool_.applied(serial); }
  // A new attachment: none is in use, and numbers are given anew.
  void restart();

  [[nodiscard]] std::size_t size() const { return numbers_.size(); }
  [[nodiscard]] std::uint64_t exhausted() const { return exhausted_; }

 private:
  using Key = std::tuple<std::uint32_t, std::uint16_t, std::uint32_t>;  // peer, interface, next
  struct Entry {
    Key key;
    std::uint32_t uses = 0;  // by prefixes and by owners whose next it is
  };
  void send(std::uint32_t number);

  CommandSink* sink_;
  NumberPool pool_;
  std::vector<Entry> entries_;  // by number
  std::map<Key, std::uint32_t> numbers_;
  std::uint64_t exhausted_ = 0;
};

}  // namespace gotthard::route
