#include "dataplane/table/fib.h"

namespace gotthard::dataplane {

template <typename Api>
Result<std::unique_ptr<FibPair<Api>>> FibPair<Api>::create(const std::string& name, int socket,
                                                           unsigned routes) {
  std::unique_ptr<FibPair> pair(new FibPair());
  for (std::size_t i = 0; i < pair->copies_.size(); ++i) {
    pair->copies_[i] = Api::create((name + std::to_string(i)).c_str(), socket, routes);
    if (pair->copies_[i] == nullptr) {
      return fail(
          "no memory for the table '{}' of {} routes: lower dataplane.routes or reserve more "
          "hugepages",
          name, routes);
    }
  }
  pair->current_.store(pair->copies_[0]);
  return pair;
}

template <typename Api>
FibPair<Api>::~FibPair() {
  for (auto* copy : copies_) {
    if (copy != nullptr) {
      Api::destroy(copy);
    }
  }
}

template <typename Api>
typename Api::Table* FibPair<Api>::idle() const {
  return current_.load(std::memory_order_relaxed) == copies_[0] ? copies_[1] : copies_[0];
}

template <typename Api>
bool FibPair<Api>::set(const abi::Address& address, std::uint8_t length, std::uint32_t value) {
  const std::pair key{address, length};
  const auto found = installed_.find(key);
  if (found != installed_.end() && found->second.value == value) {
    found->second.mentioned = true;
    return true;
  }
  if (!Api::set(idle(), address, length, value)) {
    return false;
  }
  installed_[key] = {.value = value, .mentioned = true};
  journal_.push_back({address, length, value});
  return true;
}

template <typename Api>
void FibPair<Api>::remove(const abi::Address& address, std::uint8_t length) {
  if (installed_.erase({address, length}) > 0) {
    Api::remove(idle(), address, length);
    journal_.push_back({address, length, 0});
  }
}

template <typename Api>
void FibPair<Api>::commit(Rcu* rcu) {
  if (journal_.empty()) {
    return;
  }
  current_.store(idle(), std::memory_order_release);
  token_ = rcu->start();
  waiting_ = true;
}

template <typename Api>
void FibPair<Api>::poll(Rcu* rcu) {
  if (!waiting_ || !rcu->passed(token_)) {
    return;
  }
  // The same changes on the same state: what succeeded there succeeds here.
  for (const Change& change : journal_) {
    if (change.value == 0) {
      Api::remove(idle(), change.address, change.length);
    } else {
      Api::set(idle(), change.address, change.length, change.value);
    }
  }
  journal_.clear();
  waiting_ = false;
}

template <typename Api>
void FibPair<Api>::begin_resync() {
  for (auto& [prefix, installed] : installed_) {
    installed.mentioned = false;
  }
}

template <typename Api>
void FibPair<Api>::end_resync() {
  std::vector<std::pair<abi::Address, std::uint8_t>> stale;
  for (const auto& [prefix, installed] : installed_) {
    if (!installed.mentioned) {
      stale.push_back(prefix);
    }
  }
  for (const auto& [address, length] : stale) {
    remove(address, length);
  }
}

template class FibPair<Fib4Api>;
template class FibPair<Fib6Api>;

Result<std::unique_ptr<Tables>> Tables::create(Rcu* rcu, int socket, unsigned routes) {
  std::unique_ptr<Tables> tables(new Tables(rcu));
  static constexpr std::array<const char*, kTables> kNames = {"routes", "sources"};
  for (std::size_t i = 0; i < kTables; ++i) {
    auto four = FibPair<Fib4Api>::create(std::string(kNames[i]) + "4_", socket, routes);
    if (!four) {
      return tl::unexpected(four.error());
    }
    auto six = FibPair<Fib6Api>::create(std::string(kNames[i]) + "6_", socket, routes);
    if (!six) {
      return tl::unexpected(six.error());
    }
    tables->fib4_[i] = std::move(*four);
    tables->fib6_[i] = std::move(*six);
  }
  return tables;
}

template <typename F>
void Tables::each(F&& f) {
  for (std::size_t i = 0; i < kTables; ++i) {
    f(*fib4_[i]);
    f(*fib6_[i]);
  }
}

bool Tables::set(abi::Table table, const abi::Address& address, std::uint8_t length,
                 std::uint32_t value) {
  return address.family == abi::Family::ipv4 ? fib4_[index(table)]->set(address, length, value)
                                             : fib6_[index(table)]->set(address, length, value);
}

void Tables::remove(abi::Table table, const abi::Address& address, std::uint8_t length) {
  if (address.family == abi::Family::ipv4) {
    fib4_[index(table)]->remove(address, length);
  } else {
    fib6_[index(table)]->remove(address, length);
  }
}

void Tables::commit() {
  each([this](auto& fib) { fib.commit(rcu_); });
}

void Tables::poll() {
  each([this](auto& fib) { fib.poll(rcu_); });
}

bool Tables::busy() const {
  for (std::size_t i = 0; i < kTables; ++i) {
    if (fib4_[i]->busy() || fib6_[i]->busy()) {
      return true;
    }
  }
  return false;
}

void Tables::begin_resync() {
  each([](auto& fib) { fib.begin_resync(); });
}

void Tables::end_resync() {
  each([](auto& fib) { fib.end_resync(); });
}

std::uint64_t Tables::lookup_one(abi::Table table, const abi::Address& address) const {
  std::uint64_t value = 0;
  if (address.family == abi::Family::ipv4) {
    const auto key = Fib4Api::key(address);
    lookup4(table, &key, &value, 1);
  } else {
    const auto key = Fib6Api::key(address);
    lookup6(table, &key, &value, 1);
  }
  return value;
}

}  // namespace gotthard::dataplane
