// Next hops and owners: equal ones share a number, counted by the prefixes that have it. What a
// number means never changes while it is used.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "control/route/command_sink.h"
#include "control/route/devices.h"
#include "control/route/neighbours.h"
#include "control/route/number_pool.h"

namespace gotthard::route {

struct HopMember;

// What a prefix leads to, before it has a number: one way, or several to choose from for each
// packet.
struct Hop {
  abi::HopKind kind = abi::HopKind::blackhole;
  bool allow_plain = false;
  std::uint16_t port = 0;  // local: the owner's number
  std::uint16_t interface = 0;
  std::uint16_t mtu = 0;
  std::uint32_t peer = abi::kNoPeer;
  Address neighbour;
  abi::HopField field = abi::HopField::dscp;  // of a choice
  std::vector<HopMember> members;             // of a group or choice
  std::vector<Hop> otherwise;                 // of a choice: none or one

  bool operator==(const Hop& other) const;
  std::strong_ordering operator<=>(const Hop& other) const;
};
struct HopMember {
  Hop hop;
  std::uint16_t weight = 1;  // in a group
  std::uint8_t dscp = 0;     // in a choice
  Prefix source;             // in a choice
  bool operator==(const HopMember&) const = default;
  std::strong_ordering operator<=>(const HopMember&) const = default;
};

class NextHops {
 public:
  NextHops(CommandSink* sink, const Devices* devices, Neighbours* neighbours);

  // Counted. Falls back to a blackhole when no number is left: never to somewhere else. A group for
  // which none is left is its first living member.
  std::uint32_t acquire(const Hop& hop, Nanoseconds now);
  void release(std::uint32_t number);
  [[nodiscard]] const Hop& at(std::uint32_t number) const { return entries_[number].hop; }

  // Devices came up or went down: groups do without the ways that are lost.
  void devices_changed();
  [[nodiscard]] bool alive(const Hop& hop) const;

  void committed(std::uint64_t serial);
  void applied(std::uint64_t serial);
  // A new attachment: none is in use, and numbers are given anew.
  void restart();

  [[nodiscard]] std::size_t size() const { return numbers_.size(); }
  [[nodiscard]] std::uint64_t exhausted() const { return exhausted_; }

 private:
  struct Entry {
    Hop hop;
    std::uint32_t uses = 0;
    std::uint32_t neighbour = abi::kNoNeighbour;
    std::uint32_t set = 0;               // a group's or choice's own number
    std::uint32_t alive = 0;             // a group's members, as sent
    std::vector<std::uint32_t> members;  // numbers, of `otherwise` last
  };
  std::uint32_t none_left();
  // False: there is no number for what the hop needs besides its own.
  bool acquire_parts(const Hop& hop, Entry* entry, Nanoseconds now);
  void release_parts(const Entry& entry);
  [[nodiscard]] std::uint32_t living(const Hop& group) const;
  [[nodiscard]] const Hop& first_living(const Hop& group) const;
  void send(std::uint32_t number);
  void send_group(const Entry& entry);
  void send_choice(const Entry& entry);

  CommandSink* sink_;
  const Devices* devices_;
  Neighbours* neighbours_;
  NumberPool pool_;
  NumberPool groups_;
  NumberPool choices_;
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
