// Neighbours that next hops and endpoints use: their numbers, what the kernel knows of them, and
// asking the kernel to look for them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "control/route/changes.h"
#include "control/route/command_sink.h"
#include "control/route/devices.h"
#include "control/route/number_pool.h"

namespace gotthard::route {

// As the data plane has it.
struct NeighbourInUse {
  std::uint16_t port = 0;
  Address address;
  Mac mac{};
  bool reachable = false;
};

class Neighbours {
 public:
  using Resolve = std::function<void(std::uint16_t port, const Address& address)>;
  Neighbours(CommandSink* sink, const Devices* devices, Resolve resolve);

  // The kernel's neighbour tables, of all links. True: `address` became usable at `link`, or ceased
  // to be.
  bool apply(const Neighbour& neighbour);
  bool apply(const NeighbourGone& gone);
  [[nodiscard]] bool usable(int link, const Address& address) const;
  // For each usable one: link and address.
  void for_each_usable(const std::function<void(int link, const Address& address)>& each) const;

  // For each in use.
  void for_each(const std::function<void(const NeighbourInUse&)>& each) const;

  // Counted: its number, none when all are taken. An unknown address is asked for.
  std::optional<std::uint32_t> use(std::uint16_t port, const Address& address, Nanoseconds now);
  void release(std::uint32_t number);
  // One in use has an address on the link.
  [[nodiscard]] bool reachable(std::uint32_t number) const;
  [[nodiscard]] bool in_use(std::uint16_t port, const Address& address) const;

  // Ports have other links now.
  void rematch();
  // What changed since the last flush; the numbers nobody used for a whole commit are removed.
  void flush();
  void committed(std::uint64_t serial);
  void applied(std::uint64_t serial);
  // A new attachment: nothing is in use, and numbers are given anew.
  void restart();

  // Within the rate that the kernel's tables bear; false when beyond it.
  bool ask(std::uint16_t port, const Address& address, Nanoseconds now);
  // The kernel sees none of the traffic: entries it takes for stale are confirmed by asking again,
  // or it would drop them, or never notice that a station is gone.
  void refresh(Nanoseconds now);

  [[nodiscard]] std::size_t size() const { return by_address_.size(); }
  [[nodiscard]] std::uint64_t limited() const { return limited_; }

 private:
  using Key = std::pair<std::uint16_t, Address>;
  struct Entry {
    std::uint32_t number = 0;
    std::uint32_t uses = 0;
    std::uint32_t times_unused = 0;
    Mac mac{};
    bool reachable = false;
    bool changed = false;
    Nanoseconds asked_at = 0;
  };
  // Void if the number was used again since.
  struct Unused {
    std::uint32_t number;
    std::uint32_t times_unused;
  };
  struct Idle {
    std::uint64_t serial;
    Unused unused;
  };

  void update(int link, const Address& address);
  void read_kernel(const Key& key, Entry* entry) const;
  void send(const Key& key, const Entry& entry);
  [[nodiscard]] const Neighbour* find(int link, const Address& address) const;

  CommandSink* sink_;
  const Devices* devices_;
  Resolve resolve_;
  std::map<std::pair<int, Address>, Neighbour> kernel_;
  std::map<Key, Entry> by_address_;
  std::map<std::uint32_t, Key> by_number_;
  NumberPool pool_;
  std::vector<Key> changed_;
  // A number nobody uses goes: unused_ until the commit, idle_ until that was carried out, ready_
  // until the next flush sends NeighbourRemove. It stays if it is used again meanwhile.
  std::vector<Unused> unused_;
  std::deque<Idle> idle_;
  std::vector<Unused> ready_;
  double tokens_ = 0;
  Nanoseconds tokens_at_ = 0;
  std::uint64_t limited_ = 0;
};

}  // namespace gotthard::route
