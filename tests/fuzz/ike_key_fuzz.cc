// Key Exchange and Nonce payloads; the first byte says which.
#include "control/ike/message/key_payloads.h"
#include "tests/fuzz/ike.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gotthard::ike;
  if (size == 0) {
    return 0;
  }
  const Bytes body = fuzz::view(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    fuzz::round_trip(body, parse_key_exchange,
                     [](ChainWriter& chain, const KeyExchange& ke) { add(chain, ke); });
  } else {
    fuzz::round_trip(body, parse_nonce,
                     [](ChainWriter& chain, Bytes nonce) { add_nonce(chain, nonce); });
  }
  return 0;
}
