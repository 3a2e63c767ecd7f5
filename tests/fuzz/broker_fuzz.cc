// Whatever decodes must encode to the same bytes: nothing is read that is not there or lost.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "control/broker/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gotthard::broker;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  if (const auto request = decode_request(bytes)) {
    if (!std::ranges::equal(encode(*request), bytes)) {
      std::abort();
    }
  }
  if (const auto notice = decode_notice(bytes)) {
    if (!std::ranges::equal(encode(*notice), bytes)) {
      std::abort();
    }
  }
  return 0;
}
