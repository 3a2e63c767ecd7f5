// What commands, events and packets name alike.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/abi/limits.h"

namespace gotthard::abi {

enum class Family : std::uint8_t { none = 0, ipv4 = 4, ipv6 = 6 };

// IPv4 in the first four bytes, the rest zero.
struct Address {
  Family family = Family::none;
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const Address&) const = default;
  auto operator<=>(const Address&) const = default;
};

using Name = std::array<char, kNameSize>;  // zero-terminated

}  // namespace gotthard::abi
