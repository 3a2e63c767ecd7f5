// Numbers that name things in the data plane. One that is given back is used again only after the
// data plane has carried out the commit that ended its use: until then workers may still act on the
// old meaning.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace gotthard::route {

class NumberPool {
 public:
  // Numbers first .. end - 1.
  NumberPool(std::uint32_t first, std::uint32_t end) : first_(first), taken_(end - first) {}

  // All are free: a data plane that attaches tells numbers of this process from those of the one
  // before.
  void restart() {
    std::fill(taken_.begin(), taken_.end(), false);
    used_ = 0;
    given_back_.clear();
    waiting_.clear();
    next_ = 0;
  }

  std::optional<std::uint32_t> take() {
    if (used_ == taken_.size()) {
      return std::nullopt;
    }
    while (taken_[next_]) {
      advance();
    }
    const std::size_t at = next_;
    advance();
    taken_[at] = true;
    ++used_;
    return first_ + static_cast<std::uint32_t>(at);
  }
  void give_back(std::uint32_t number) { given_back_.push_back(number); }

  // The commit with this serial ends the use of what was given back before it.
  void committed(std::uint64_t serial) {
    for (const std::uint32_t number : given_back_) {
      waiting_.push_back({serial, number});
    }
    given_back_.clear();
  }
  void applied(std::uint64_t serial) {
    while (!waiting_.empty() && waiting_.front().serial <= serial) {
      taken_[waiting_.front().number - first_] = false;
      --used_;
      waiting_.pop_front();
    }
  }

 private:
  struct Waiting {
    std::uint64_t serial;
    std::uint32_t number;
  };
  void advance() { next_ = next_ + 1 == taken_.size() ? 0 : next_ + 1; }

  std::uint32_t first_;
  std::vector<bool> taken_;
  std::size_t next_ = 0;
  std::size_t used_ = 0;
  std::vector<std::uint32_t> given_back_;
  std::deque<Waiting> waiting_;
};

}  // namespace gotthard::route
