// Identification, Certificate, Certificate Request and Authentication payloads; the first byte says
// which.
#include "control/ike/message/identity_payloads.h"
#include "tests/fuzz/ike.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gotthard::ike;
  if (size == 0) {
    return 0;
  }
  const Bytes body = fuzz::view(data + 1, size - 1);
  const auto write = [](ChainWriter& chain, const auto& payload) { add(chain, payload); };
  switch (data[0] % 4) {
    case 0:
      fuzz::round_trip(body, parse_identification, [](ChainWriter& chain, const auto& id) {
        add(chain, PayloadType::id_initiator, id);
      });
      break;
    case 1:
      fuzz::round_trip(body, parse_certificate, write);
      break;
    case 2:
      fuzz::round_trip(body, parse_certificate_request, write);
      break;
    default:
      fuzz::round_trip(body, parse_authentication, write);
  }
  return 0;
}
