// Traffic Selector payloads.
#include "control/ike/message/ts_payload.h"
#include "tests/fuzz/ike.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gotthard::ike;
  const Bytes body = fuzz::view(data, size);
  const auto parsed = parse_traffic_selectors(body);
  if (!parsed || parsed->selectors.empty()) {
    return 0;  // all of types that are not known: nothing to write
  }
  fuzz::round_trip(body, parse_traffic_selectors, [](ChainWriter& chain, const auto& selectors) {
    add(chain, PayloadType::ts_initiator, selectors);
  });
  for (const TrafficSelector& selector : parsed->selectors) {
    fuzz::require(selector.first <= selector.last && selector.first.family == selector.last.family);
  }
  return 0;
}
