#include "dataplane/table/fib_pair.h"

#include <algorithm>

#include "dataplane/abi/limits.h"

namespace gotthard::dataplane {
namespace {

void clear_host_bits(abi::Address* address, unsigned length) {
  for (unsigned i = 0; i < address->bytes.size(); ++i) {
    const unsigned kept = length > 8 * i ? std::min(length - 8 * i, 8U) : 0;
    address->bytes[i] &= static_cast<std::uint8_t>(0xff00 >> kept);
  }
}

std::uint32_t first_24_bits(const abi::Address& address) {
  return (std::uint32_t{address.bytes[0]} << 16) | (std::uint32_t{address.bytes[1]} << 8) |
         address.bytes[2];
}

}  // namespace

template <typename F>
Result<std::unique_ptr<FibPair<F>>> FibPair<F>::create(std::string_view name, int socket,
                                                       unsigned routes) {
  std::unique_ptr<FibPair> pair(new FibPair());
  pair->routes_ = routes;
  // The most that so many prefixes can need, or that entries can name.
  pair->groups_ = std::min(std::size_t{routes} * Table::kLevels, Table::kMaxGroups);
  for (auto& copy : pair->copies_) {
    auto table = Table::create(pair->groups_, socket);
    if (!table) {
      return fail("table '{}' for {} prefixes: {}", name, routes, table.error().message);
    }
    copy = std::move(*table);
  }
  pair->current_.store(pair->copies_[0].get(), std::memory_order_release);
  return pair;
}

template <typename F>
bool FibPair<F>::set(abi::Address address, std::uint8_t length, std::uint32_t value) {
  if (address.family != F::kFamily || length > Table::kMaxLength || value == 0 ||
      value >= abi::kMaxNextHops) {
    return false;
  }
  clear_host_bits(&address, length);
  const Prefix prefix{address, length};
  const auto found = wanted_.find(prefix);
  if (found == wanted_.end()) {
    if (wanted_.size() >= routes_ || !take_group(prefix)) {
      return false;
    }
    wanted_.emplace(prefix, Wanted{static_cast<std::uint16_t>(value), true});
    ++of_length_[length];
  } else {
    found->second.mentioned = true;
    if (found->second.value == value) {
      return true;
    }
    found->second.value = static_cast<std::uint16_t>(value);
  }
  queue_.push_back({.prefix = prefix, .value = static_cast<std::uint16_t>(value), .covering = {}});
  return true;
}

template <typename F>
void FibPair<F>::remove(abi::Address address, std::uint8_t length) {
  if (address.family != F::kFamily || length > Table::kMaxLength) {
    return;
  }
  clear_host_bits(&address, length);
  const auto found = wanted_.find({address, length});
  if (found != wanted_.end()) {
    forget(found);
  }
}

template <typename F>
void FibPair<F>::forget(typename std::map<Prefix, Wanted>::iterator found) {
  const Prefix prefix = found->first;
  wanted_.erase(found);
  --of_length_[prefix.second];
  give_group(prefix);
  queue_.push_back({.prefix = prefix, .value = 0, .covering = covering(prefix)});
}

// The default route is no covering prefix: tables keep it apart.
template <typename F>
Covering FibPair<F>::covering(const Prefix& prefix) const {
  Prefix around = prefix;
  for (std::uint8_t length = prefix.second; length-- > 1;) {
    if (of_length_[length] == 0) {
      continue;
    }
    clear_host_bits(&around.first, length);
    around.second = length;
    if (const auto found = wanted_.find(around); found != wanted_.end()) {
      return {.value = found->second.value, .length = length};
    }
  }
  return {};
}

// Two-byte entries cannot name a group for each of very many /24s. IPv6 has room for the worst.
template <typename F>
bool FibPair<F>::take_group(const Prefix& prefix) {
  if (F::kFamily != abi::Family::ipv4 || prefix.second <= 24) {
    return true;
  }
  const std::uint32_t net = first_24_bits(prefix.first);
  if (long_prefixes_.size() >= groups_ && long_prefixes_.find(net) == long_prefixes_.end()) {
    return false;
  }
  ++long_prefixes_[net];
  return true;
}

template <typename F>
void FibPair<F>::give_group(const Prefix& prefix) {
  if (F::kFamily != abi::Family::ipv4 || prefix.second <= 24) {
    return;
  }
  const auto found = long_prefixes_.find(first_24_bits(prefix.first));
  if (--found->second == 0) {
    long_prefixes_.erase(found);
  }
}

template <typename F>
void FibPair<F>::begin_resync() {
  for (auto& [prefix, wanted] : wanted_) {
    wanted.mentioned = false;
  }
}

template <typename F>
void FibPair<F>::end_resync() {
  for (auto next = wanted_.begin(); next != wanted_.end();) {
    const auto found = next++;
    if (!found->second.mentioned) {
      forget(found);
    }
  }
}

template <typename F>
void FibPair<F>::begin_batch() {
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(closed_);
  batch_.assign(queue_.begin(), end);
  queue_.erase(queue_.begin(), end);
  closed_ = 0;
  applied_ = 0;
}

template <typename F>
typename FibPair<F>::Table* FibPair<F>::idle() const {
  return current_.load(std::memory_order_relaxed) == copies_[0].get() ? copies_[1].get()
                                                                      : copies_[0].get();
}

template <typename F>
bool FibPair<F>::apply(std::size_t* budget) {
  Table* table = idle();
  for (; applied_ < batch_.size(); ++applied_, --*budget) {
    if (*budget == 0) {
      return false;
    }
    const Change& change = batch_[applied_];
    const auto& [address, length] = change.prefix;
    if (change.value != 0) {
      table->set(address, length, change.value);
    } else {
      table->remove(address, length, change.covering);
    }
  }
  return true;
}

template <typename F>
void FibPair<F>::swap() {
  current_.store(idle(), std::memory_order_release);
  applied_ = 0;
}

template <typename F>
bool FibPair<F>::repeat(std::size_t* budget) {
  if (!apply(budget)) {
    return false;
  }
  batch_.clear();
  return true;
}

template class FibPair<Ipv4Prefixes>;
template class FibPair<Ipv6Prefixes>;

}  // namespace gotthard::dataplane
