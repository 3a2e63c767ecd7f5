#include "perf/pipeline/addresses.h"

#include <initializer_list>
#include <numeric>

namespace gotthard::perf::pipeline {
namespace {

using abi::Family;

bool is_long(std::uint32_t index) { return index % 8 == 7; }

// Next to the golden section of the block, so that neighbours in number are none in place, and
// without a common divisor, so that all are different.
std::uint32_t step_of(std::uint32_t size) {
  auto step = static_cast<std::uint32_t>(std::uint64_t{size} * 618 / 1000) | 1U;
  while (std::gcd(step, size) != 1) {
    step += 2;
  }
  return step;
}

abi::Address address(Family family, std::initializer_list<std::uint8_t> bytes) {
  abi::Address result{.family = family};
  std::size_t i = 0;
  for (const std::uint8_t byte : bytes) {
    result.bytes[i++] = byte;
  }
  return result;
}

}  // namespace

Block::Block(Side side, Family family, std::uint32_t number, std::uint32_t count,
             std::uint32_t prefixes)
    : side_(side),
      family_(family),
      first_(number * (kUnits / count)),
      size_(kUnits / count),
      step_(step_of(size_)),
      prefixes_(prefixes) {}

// IPv4: inside 4/8 to 63/8, behind peers 64/8 to 123/8. IPv6: /48s of 2a00::/16, and of 2400::/16
// behind peers, up to 256 in a /32.
abi::Address Block::address_of(std::uint32_t unit) const {
  const auto high = static_cast<std::uint8_t>(unit >> 16);
  const auto middle = static_cast<std::uint8_t>(unit >> 8);
  const auto low = static_cast<std::uint8_t>(unit);
  const bool remote = side_ == Side::remote;
  if (family_ == Family::ipv4) {
    return address(family_, {static_cast<std::uint8_t>(high + (remote ? 64 : 4)), middle, low});
  }
  return address(family_,
                 {static_cast<std::uint8_t>(remote ? 0x24 : 0x2a), high, middle, 0, 0, low});
}

abi::Address Block::last() const {
  abi::Address address = address_of(first_ + size_ - 1);
  for (std::size_t i = family_ == Family::ipv4 ? 3 : 6; i < (family_ == Family::ipv4 ? 4 : 16);
       ++i) {
    address.bytes[i] = 0xff;
  }
  return address;
}

Prefix Block::prefix(std::uint32_t index) const {
  const bool v4 = family_ == Family::ipv4;
  const int length = is_long(index) ? (v4 ? 28 : 64) : (v4 ? 24 : 48);
  return {.address = address_of(unit(index)), .length = static_cast<std::uint8_t>(length)};
}

abi::Address Block::host(std::uint32_t index, std::uint8_t bits) const {
  abi::Address address = address_of(unit(index));
  // 0 of an IPv6 subnet is its router's.
  address.bytes[family_ == Family::ipv4 ? 3 : 15] = is_long(index)
                                                        ? static_cast<std::uint8_t>(bits % 16 | 1)
                                                        : static_cast<std::uint8_t>(bits | 1);
  return address;
}

abi::Address gateway_outside(Family family) {
  return family == Family::ipv4
             ? address(family, {192, 0, 2, 1})
             : address(family, {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

abi::Address gateway_inside(Family family) {
  return family == Family::ipv4
             ? address(family, {192, 168, 255, 1})
             : address(family, {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

abi::Address peer_outside(Family family, std::uint32_t session) {
  const auto high = static_cast<std::uint8_t>(session >> 8);
  const auto low = static_cast<std::uint8_t>(session);
  return family == Family::ipv4
             ? address(family, {198, 18, high, low})
             : address(family, {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, high, low});
}

}  // namespace gotthard::perf::pipeline
