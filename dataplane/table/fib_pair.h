// Longest-prefix match that workers never see half-changed. Each table exists twice: changes go to
// the copy that nobody reads, the copies are swapped, and once no worker can be reading the old one
// the same changes are made there. Tables (fib.h) says when.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dataplane/abi/records.h"
#include "dataplane/table/prefix_table.h"

namespace gotthard::dataplane {

// One table of one family. The manager's thread changes it; workers look up.
template <typename F>
class FibPair {
 public:
  using Key = typename F::Key;

  static Result<std::unique_ptr<FibPair>> create(std::string_view name, int socket,
                                                 unsigned routes);
  FibPair(const FibPair&) = delete;
  FibPair& operator=(const FibPair&) = delete;

  // What is wanted from the next batch on; at any time. False: no room, or a value or length that
  // cannot be; nothing has changed.
  [[nodiscard]] bool set(abi::Address address, std::uint8_t length, std::uint32_t value);
  void remove(abi::Address address, std::uint8_t length);
  void begin_resync();
  void end_resync();  // removes what was not set since
  [[nodiscard]] std::size_t size() const { return wanted_.size(); }

  // Changes until here belong to the next batch, later ones to one after it.
  void close_batch() { closed_ = queue_.size(); }

  // A batch in steps, in this order. prepare() and repeat() make at most `*budget` changes, take
  // them off it, and say whether they are done. Between swap() and repeat() every worker must have
  // been quiescent.
  void begin_batch();
  [[nodiscard]] bool prepare(std::size_t* budget) { return apply(budget); }
  void swap();
  [[nodiscard]] bool repeat(std::size_t* budget);

  // Workers. 0: no match.
  void lookup(const Key* keys, std::uint64_t* values, std::uint32_t count) const {
    current_.load(std::memory_order_acquire)->lookup(keys, values, count);
  }

 private:
  using Table = PrefixTable<F>;
  using Prefix = std::pair<abi::Address, std::uint8_t>;
  struct Change {
    Prefix prefix;
    std::uint32_t value;  // 0: removed
    Covering covering;    // of a removed one, at that point of the batch
  };
  struct Wanted {
    std::uint32_t value;
    bool mentioned;
  };
  FibPair() = default;
  [[nodiscard]] Table* idle() const;
  [[nodiscard]] bool apply(std::size_t* budget);
  void forget(typename std::map<Prefix, Wanted>::iterator found);
  [[nodiscard]] Covering covering(const Prefix& prefix) const;

  std::size_t routes_ = 0;
  std::array<std::unique_ptr<Table>, 2> copies_;
  std::atomic<const Table*> current_{nullptr};

  std::map<Prefix, Wanted> wanted_;
  std::array<std::uint32_t, Table::kMaxLength + 1> of_length_{};  // wanted prefixes
  std::vector<Change> queue_;                                     // for batches to come
  std::size_t closed_ = 0;  // of the queue, for the next batch
  std::vector<Change> batch_;
  std::size_t applied_ = 0;  // of the batch, to the idle copy
};

extern template class FibPair<Ipv4Prefixes>;
extern template class FibPair<Ipv6Prefixes>;

}  // namespace gotthard::dataplane
