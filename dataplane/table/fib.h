// Longest-prefix match that readers never see half-changed. rte_fib answers wrongly while it is
// being changed, so each table exists twice: changes go to the copy that nobody reads, the copies
// are swapped, and once no worker can be reading the old one the same changes are made there.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dataplane/abi/records.h"
#include "dataplane/table/fib_api.h"
#include "dataplane/table/rcu.h"

namespace gotthard::dataplane {

// One table of one family. The manager's thread changes it; workers look up.
template <typename Api>
class FibPair {
 public:
  static Result<std::unique_ptr<FibPair>> create(const std::string& name, int socket,
                                                 unsigned routes);
  FibPair(const FibPair&) = delete;
  FibPair& operator=(const FibPair&) = delete;
  ~FibPair();

  // Into the idle copy; only while !busy(). False: the table is full, nothing was changed.
  [[nodiscard]] bool set(const abi::Address& address, std::uint8_t length, std::uint32_t value);
  void remove(const abi::Address& address, std::uint8_t length);

  // What was changed takes effect for workers' next lookups. Never waits: poll() goes on with it.
  void commit(Rcu* rcu);
  void poll(Rcu* rcu);
  [[nodiscard]] bool busy() const { return waiting_; }

  void begin_resync();
  void end_resync();  // removes what was not set since

  [[nodiscard]] std::size_t size() const { return installed_.size(); }

  // Workers; `count` at most a burst. 0: no match.
  void lookup(const typename Api::Key* keys, std::uint64_t* values, std::uint32_t count) const {
    Api::lookup(current_.load(std::memory_order_acquire), keys, values, count);
  }

 private:
  struct Change {
    abi::Address address;
    std::uint8_t length;
    std::uint32_t value;  // 0: removed
  };
  struct Installed {
    std::uint32_t value;
    bool mentioned;
  };
  FibPair() = default;
  [[nodiscard]] typename Api::Table* idle() const;

  std::array<typename Api::Table*, 2> copies_{};
  std::atomic<typename Api::Table*> current_{nullptr};
  std::vector<Change> journal_;  // made on one copy only
  std::map<std::pair<abi::Address, std::uint8_t>, Installed> installed_;
  Rcu::Token token_ = 0;
  bool waiting_ = false;
};

extern template class FibPair<Fib4Api>;
extern template class FibPair<Fib6Api>;

// Routes and sources of both families, changed together.
class Tables {
 public:
  // `routes`: prefixes per family and table that there must be room for.
  static Result<std::unique_ptr<Tables>> create(Rcu* rcu, int socket, unsigned routes);

  // The manager's thread.
  [[nodiscard]] bool set(abi::Table table, const abi::Address& address, std::uint8_t length,
                         std::uint32_t value);
  void remove(abi::Table table, const abi::Address& address, std::uint8_t length);
  void commit();
  void poll();
  [[nodiscard]] bool busy() const;
  void begin_resync();
  void end_resync();
  [[nodiscard]] std::uint64_t lookup_one(abi::Table table, const abi::Address& address) const;

  // Workers.
  void lookup4(abi::Table table, const Fib4Api::Key* keys, std::uint64_t* values,
               std::uint32_t count) const {
    fib4_[index(table)]->lookup(keys, values, count);
  }
  void lookup6(abi::Table table, const Fib6Api::Key* keys, std::uint64_t* values,
               std::uint32_t count) const {
    fib6_[index(table)]->lookup(keys, values, count);
  }

 private:
  static constexpr std::size_t kTables = 2;
  [[nodiscard]] static std::size_t index(abi::Table table) {
    return static_cast<std::size_t>(table) - 1;
  }
  explicit Tables(Rcu* rcu) : rcu_(rcu) {}
  template <typename F>
  void each(F&& f);

  Rcu* rcu_;
  std::array<std::unique_ptr<FibPair<Fib4Api>>, kTables> fib4_;
  std::array<std::unique_ptr<FibPair<Fib6Api>>, kTables> fib6_;
};

}  // namespace gotthard::dataplane
