// When may what workers could still be reading be freed? Once each has passed a quiescent state
// (rte_rcu_qsbr). Workers report one per round; asleep they are offline and hold nobody up.
#pragma once

#include <rte_rcu_qsbr.h>

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>

#include "base/result.h"

namespace gotthard::dataplane {

class Rcu {
 public:
  using Token = std::uint64_t;

  static Result<std::unique_ptr<Rcu>> create(std::uint32_t workers);

  // The worker's thread. Between online() and offline() what it read from shared tables stays valid
  // until its next quiescent().
  void online(std::uint32_t worker) { rte_rcu_qsbr_thread_online(state_.get(), worker); }
  void offline(std::uint32_t worker) { rte_rcu_qsbr_thread_offline(state_.get(), worker); }
  void quiescent(std::uint32_t worker) { rte_rcu_qsbr_quiescent(state_.get(), worker); }

  // The manager's thread: a token that passes once every worker was quiescent after this call.
  // Never waits.
  [[nodiscard]] Token start() { return rte_rcu_qsbr_start(state_.get()); }
  [[nodiscard]] bool passed(Token token) {
    return rte_rcu_qsbr_check(state_.get(), token, /*wait=*/false) == 1;
  }

 private:
  struct Free {
    void operator()(rte_rcu_qsbr* state) const { std::free(state); }
  };
  Rcu() = default;
  std::unique_ptr<rte_rcu_qsbr, Free> state_;
};

// What to do once nobody reads the old any more. The manager's thread.
class RetireList {
 public:
  explicit RetireList(Rcu* rcu) : rcu_(rcu) {}
  RetireList(const RetireList&) = delete;
  RetireList& operator=(const RetireList&) = delete;
  // No worker may run any more.
  ~RetireList();

  void defer(std::function<void()> action);
  // Runs what is due, in order.
  void poll();
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    Rcu::Token token;
    std::function<void()> action;
  };
  Rcu* rcu_;
  std::deque<Waiting> waiting_;
};

}  // namespace gotthard::dataplane
