// Control's numbers for next hops, owners and neighbours are its own: a control that was started
// anew gives them out anew, while workers still go by the old ones. So the manager keeps a place
// for each distinct content and maps control's numbers to places: the same content stays in its
// place through a resynchronisation, and no place changes its meaning while a table may still name
// it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace gotthard::dataplane {

template <typename Content>
class NumberMap {
 public:
  // Places `first` to `end` - 1 are given out.
  NumberMap(std::uint32_t first, std::uint32_t end) : next_(first), end_(end) {}

  // The place of what `number` means from now on. Nothing: all are taken.
  std::optional<std::uint32_t> set(std::uint32_t number, const Content& content) {
    const auto known = places_.find(content);
    if (known == places_.end() && free_.empty() && next_ == end_) {
      return std::nullopt;
    }
    const std::uint32_t place = known != places_.end() ? known->second.place : take();
    forget(number);
    Entry& entry = places_[content];
    entry.place = place;
    ++entry.numbers;
    unused_.erase(content);
    numbers_[number] = content;
    return place;
  }

  [[nodiscard]] std::optional<std::uint32_t> find(std::uint32_t number) const {
    const auto found = numbers_.find(number);
    return found == numbers_.end() ? std::nullopt : std::optional(places_.at(found->second).place);
  }

  [[nodiscard]] std::optional<std::uint32_t> place_of(const Content& content) const {
    const auto found = places_.find(content);
    return found == places_.end() ? std::nullopt : std::optional(found->second.place);
  }

  // No number means this any more; its place is kept until the tables were committed.
  void forget(std::uint32_t number) {
    const auto found = numbers_.find(number);
    if (found == numbers_.end()) {
      return;
    }
    if (--places_.at(found->second).numbers == 0) {
      unused_.insert(found->second);
    }
    numbers_.erase(found);
  }

  // Every number is about to be told anew, or is no more.
  void begin_resync() {
    for (const auto& [number, content] : numbers_) {
      if (--places_.at(content).numbers == 0) {
        unused_.insert(content);
      }
    }
    numbers_.clear();
  }

  // No worker goes by an older table: places without a number are free.
  template <typename OnFreed>
  void committed(OnFreed&& freed) {
    for (const Content& content : unused_) {
      const std::uint32_t place = places_.at(content).place;
      places_.erase(content);
      free_.push_back(place);
      freed(place);
    }
    unused_.clear();
  }

  [[nodiscard]] std::size_t size() const { return places_.size(); }

 private:
  struct Entry {
    std::uint32_t place = 0;
    std::uint32_t numbers = 0;
  };

  std::uint32_t take() {
    if (free_.empty()) {
      return next_++;
    }
    const std::uint32_t place = free_.back();
    free_.pop_back();
    return place;
  }

  std::map<std::uint32_t, Content> numbers_;
  std::map<Content, Entry> places_;
  std::set<Content> unused_;
  std::vector<std::uint32_t> free_;
  std::uint32_t next_;
  std::uint32_t end_;
};

}  // namespace gotthard::dataplane
