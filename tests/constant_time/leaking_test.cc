// Code that leaks, on secret memory: valgrind has to find it, or what it says of the rest is worth
// nothing.
//   leaking_test comparison|branch|table
#include <valgrind/memcheck.h>

#include <array>
#include <cstdio>
#include <string_view>

#include "tests/constant_time/leaks.h"

int main(int argc, char** argv) {
  using namespace gotthard::constant_time;
  const std::string_view which = argc == 2 ? argv[1] : "";
  std::array<std::byte, 16> secret{};
  const std::array<std::byte, 16> received{};
  static_cast<void>(VALGRIND_MAKE_MEM_UNDEFINED(secret.data(), secret.size()));
  volatile std::uint64_t result = 0;
  if (which == "comparison") {
    result = early_out_equal(secret, received) ? 1 : 0;
  } else if (which == "branch") {
    result = branch_on_bits(secret);
  } else if (which == "table") {
    result = look_up(secret);
  } else {
    std::fputs("usage: leaking_test comparison|branch|table\n", stderr);
    return 2;
  }
  static_cast<void>(result);
  return 0;
}
