// Notify and Delete payloads; the first byte says which.
#include "control/ike/message/notify_payload.h"
#include "tests/fuzz/ike.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gotthard::ike;
  if (size == 0) {
    return 0;
  }
  const Bytes body = fuzz::view(data + 1, size - 1);
  const auto write = [](ChainWriter& chain, const auto& payload) { add(chain, payload); };
  if (data[0] % 2 == 0) {
    fuzz::round_trip(body, parse_notify, write);
  } else {
    fuzz::round_trip(body, parse_delete, write);
  }
  return 0;
}
