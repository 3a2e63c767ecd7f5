#include "dataplane/table/fib.h"

#include <cstring>
#include <string>

namespace gotthard::dataplane {

Result<std::unique_ptr<Tables>> Tables::create(Rcu* rcu, int socket, unsigned routes) {
  std::unique_ptr<Tables> tables(new Tables(rcu));
  static constexpr std::array<const char*, kTables> kNames = {"routes", "sources"};
  for (std::size_t i = 0; i < kTables; ++i) {
    auto four = FibPair<Ipv4Prefixes>::create(kNames[i], socket, routes);
    if (!four) {
      return tl::unexpected(four.error());
    }
    auto six = FibPair<Ipv6Prefixes>::create(kNames[i], socket, routes);
    if (!six) {
      return tl::unexpected(six.error());
    }
    tables->fib4_[i] = std::move(*four);
    tables->fib6_[i] = std::move(*six);
  }
  return tables;
}

template <typename Function>
void Tables::each(Function&& function) {
  for (std::size_t i = 0; i < kTables; ++i) {
    function(*fib4_[i]);
    function(*fib6_[i]);
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

void Tables::begin_resync() {
  each([](auto& fib) { fib.begin_resync(); });
}

void Tables::end_resync() {
  each([](auto& fib) { fib.end_resync(); });
}

// A batch without prefixes has its grace period too: workers may hold what a next hop of the last
// one meant.
void Tables::begin() {
  each([](auto& fib) { fib.begin_batch(); });
  phase_ = Phase::prepare;
}

void Tables::commit() {
  each([](auto& fib) { fib.close_batch(); });
  if (busy()) {
    commit_again_ = true;
    return;
  }
  begin();
  poll();
}

void Tables::poll() {
  std::size_t budget = kSlice;
  bool done = true;
  if (phase_ == Phase::prepare) {
    each([&](auto& fib) { done = fib.prepare(&budget) && done; });
    if (!done) {
      return;
    }
    each([](auto& fib) { fib.swap(); });
    token_ = rcu_->start();
    phase_ = Phase::wait;
  }
  if (phase_ == Phase::wait) {
    if (!rcu_->passed(token_)) {
      return;
    }
    phase_ = Phase::repeat;
  }
  if (phase_ == Phase::repeat) {
    each([&](auto& fib) { done = fib.repeat(&budget) && done; });
    if (!done) {
      return;
    }
    phase_ = Phase::idle;
    if (commit_again_) {
      commit_again_ = false;
      begin();
    }
  }
}

std::size_t Tables::size(abi::Table table) const {
  return fib4_[index(table)]->size() + fib6_[index(table)]->size();
}

std::uint64_t Tables::lookup_one(abi::Table table, const abi::Address& address) const {
  std::uint64_t value = 0;
  if (address.family == abi::Family::ipv4) {
    std::uint32_t raw;
    std::memcpy(&raw, address.bytes.data(), sizeof(raw));
    const std::uint32_t key = __builtin_bswap32(raw);
    lookup4(table, &key, &value, 1);
  } else {
    const FibKey6 key{address.bytes};
    lookup6(table, &key, &value, 1);
  }
  return value;
}

}  // namespace gotthard::dataplane
