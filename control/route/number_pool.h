// Numbers that name things in the data plane. One that is given back is used again only after the
// data plane has carried out the commit that ended its use: until then workers may still act on the
// old meaning.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace gotthard::route {

class NumberPool {
 public:
  // Numbers first .. end - 1.
  NumberPool(std::uint32_t first, std::uint32_t end) : first_(first), taken_(end - first) {}

  // The first free one from `hint` on, going round.
  std::optional<std::uint32_t> take(std::uint32_t hint) {
    if (used_ == taken_.size()) {
      return std::nullopt;
    }
    std::size_t at = hint % taken_.size();
    while (taken_[at]) {
      at = at + 1 == taken_.size() ? 0 : at + 1;
    }
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
  // Serials of the last attachment mean nothing any more: all wait for the next commit.
  void restart() {
    for (const Waiting& waiting : waiting_) {
      given_back_.push_back(waiting.number);
    }
    waiting_.clear();
  }

 private:
  struct Waiting {
    std::uint64_t serial;
    std::uint32_t number;
  };
  std::uint32_t first_;
  std::vector<bool> taken_;
  std::size_t used_ = 0;
  std::vector<std::uint32_t> given_back_;
  std::deque<Waiting> waiting_;
};

}  // namespace gotthard::route
