// The forwarding tables: routes and source owners of both families, changed together and without
// making anyone wait. Changes may be made at any time; commit() says that they belong together, and
// poll() carries them out a slice at a time:
//   prepare  the changes go into the copies that nobody reads
//   wait     the copies are swapped; workers still in the old ones come to their quiescent state
//   repeat   the same changes in the old ones
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "dataplane/abi/records.h"
#include "dataplane/table/fib_pair.h"
#include "dataplane/table/rcu.h"

namespace gotthard::dataplane {

class Tables {
 public:
  // `routes`: prefixes per family and table that there must be room for.
  static Result<std::unique_ptr<Tables>> create(Rcu* rcu, int socket, unsigned routes);

  // The manager's thread. set() is false when there is no room or the prefix or value cannot be;
  // nothing has changed then.
  [[nodiscard]] bool set(abi::Table table, const abi::Address& address, std::uint8_t length,
                         std::uint32_t value);
  void remove(abi::Table table, const abi::Address& address, std::uint8_t length);
  void begin_resync();
  void end_resync();  // removes what was not set since

  // What was changed until now takes effect, in both copies once !busy(), and every worker was
  // quiescent in between. A commit made while another is under way follows it.
  void commit();
  void poll();
  [[nodiscard]] bool busy() const { return phase_ != Phase::idle; }

  [[nodiscard]] std::size_t size(abi::Table table) const;
  [[nodiscard]] std::uint64_t lookup_one(abi::Table table, const abi::Address& address) const;

  // Workers; valid until their next quiescent state. 0: no match.
  void lookup4(abi::Table table, const std::uint32_t* keys, std::uint64_t* values,
               std::uint32_t count) const {
    fib4_[index(table)]->lookup(keys, values, count);
  }
  void lookup6(abi::Table table, const FibKey6* keys, std::uint64_t* values,
               std::uint32_t count) const {
    fib6_[index(table)]->lookup(keys, values, count);
  }

 private:
  static constexpr std::size_t kTables = 2;
  // Changes made in one poll(): some hundreds of microseconds.
  static constexpr std::size_t kSlice = 2048;
  enum class Phase : std::uint8_t { idle, prepare, wait, repeat };

  [[nodiscard]] static std::size_t index(abi::Table table) {
    return static_cast<std::size_t>(table) - 1;
  }
  explicit Tables(Rcu* rcu) : rcu_(rcu) {}
  template <typename Function>
  void each(Function&& function);
  void begin();

  Rcu* rcu_;
  std::array<std::unique_ptr<FibPair<Ipv4Prefixes>>, kTables> fib4_;
  std::array<std::unique_ptr<FibPair<Ipv6Prefixes>>, kTables> fib6_;
  Phase phase_ = Phase::idle;
  Rcu::Token token_ = 0;
  bool commit_again_ = false;
};

}  // namespace gotthard::dataplane
