// SAs whose peer has shown nothing yet: counted, also by source, and found by their first message.
#pragma once

#include <cstddef>
#include <map>
#include <tuple>

#include "control/ike/sa/types.h"

namespace gotthard::ike {

class HalfOpen {
 public:
  void add(IkeSpi initiator, const Path& path, SaNumber number);
  void remove(IkeSpi initiator, const Path& path);

  // 0: there is none.
  [[nodiscard]] SaNumber find(IkeSpi initiator, const Path& path) const;
  [[nodiscard]] std::size_t count() const { return numbers_.size(); }
  // IPv6 sources count by their /64: one host has as many addresses there as it likes.
  [[nodiscard]] std::size_t count_of(const abi::Address& source) const;

 private:
  using Key = std::tuple<IkeSpi, abi::Address, std::uint16_t>;

  std::map<Key, SaNumber> numbers_;
  std::map<abi::Address, std::size_t> by_source_;
};

}  // namespace gotthard::ike
