// Traffic Selector payloads (RFC 7296, section 3.13).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "control/ike/message/chain.h"
#include "dataplane/abi/records.h"

namespace gotthard::ike {

// A range of addresses of one family, both ends included, and of ports, host byte order. For ICMP
// the ports hold type and code (section 3.13.1). Ports 65535 to 0 mean OPAQUE: none can be seen.
struct TrafficSelector {
  std::uint8_t protocol = 0;  // of IP; 0: any
  std::uint16_t first_port = 0;
  std::uint16_t last_port = 0xffff;
  abi::Address first;
  abi::Address last;
  bool operator==(const TrafficSelector&) const = default;
};

struct TrafficSelectors {
  static constexpr std::size_t kMax = 255;
  std::vector<TrafficSelector> selectors;
  bool operator==(const TrafficSelectors&) const = default;
};

// Selectors of types that are not known are left out, as nothing can be matched with them.
[[nodiscard]] std::optional<TrafficSelectors> parse_traffic_selectors(Bytes body);
// `payload`: ts_initiator or ts_responder.
void add(ChainWriter& chain, PayloadType payload, const TrafficSelectors& selectors);

}  // namespace gotthard::ike
