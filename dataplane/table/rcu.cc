#include "dataplane/table/rcu.h"

#include <utility>

namespace gotthard::dataplane {

Result<std::unique_ptr<Rcu>> Rcu::create(std::uint32_t workers) {
  const std::size_t size = rte_rcu_qsbr_get_memsize(workers);
  std::unique_ptr<Rcu> rcu(new Rcu());
  rcu->state_.reset(static_cast<rte_rcu_qsbr*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, size)));
  if (rcu->state_ == nullptr || rte_rcu_qsbr_init(rcu->state_.get(), workers) != 0) {
    return fail("cannot set up reclamation for {} workers", workers);
  }
  for (std::uint32_t i = 0; i < workers; ++i) {
    if (rte_rcu_qsbr_thread_register(rcu->state_.get(), i) != 0) {
      return fail("cannot register worker {} for reclamation", i);
    }
  }
  return rcu;
}

RetireList::~RetireList() {
  while (!waiting_.empty()) {
    const auto action = std::move(waiting_.front().action);
    waiting_.pop_front();
    action();
  }
}

void RetireList::defer(std::function<void()> action) {
  waiting_.push_back({.token = rcu_->start(), .action = std::move(action)});
}

void RetireList::poll() {
  while (!waiting_.empty() && rcu_->passed(waiting_.front().token)) {
    const auto action = std::move(waiting_.front().action);
    waiting_.pop_front();
    action();
  }
}

}  // namespace gotthard::dataplane
