#include "dataplane/table/fib_pair.h"

#include <algorithm>

namespace gotthard::dataplane {
namespace {

void clear_host_bits(abi::Address* address, unsigned length) {
  for (unsigned i = 0; i < address->bytes.size(); ++i) {
    const unsigned kept = length > 8 * i ? std::min(length - 8 * i, 8U) : 0;
    address->bytes[i] &= static_cast<std::uint8_t>(0xff00 >> kept);
  }
}

}  // namespace

template <typename F>
Result<std::unique_ptr<FibPair<F>>> FibPair<F>::create(std::string_view name, int socket,
                                                       unsigned routes) {
  std::unique_ptr<FibPair> pair(new FibPair());
  pair->routes_ = routes;
  for (auto& copy : pair->copies_) {
    auto table = Table::create(routes, socket);
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
      value > FibEntry::kMaxValue) {
    return false;
  }
  clear_host_bits(&address, length);
  const Prefix prefix{address, length};
  const auto found = wanted_.find(prefix);
  if (found == wanted_.end()) {
    if (wanted_.size() >= routes_) {
      return false;
    }
    wanted_.emplace(prefix, Wanted{value, true});
    ++of_length_[length];
  } else {
    found->second.mentioned = true;
    if (found->second.value == value) {
      return true;
    }
    found->second.value = value;
  }
  queue_.push_back({.prefix = prefix, .value = value, .covering = {}});
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
