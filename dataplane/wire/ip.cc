#include "dataplane/wire/ip.h"

namespace gotthard::wire {

std::optional<UpperLayer> upper_layer6(std::span<const std::byte> bytes) {
  constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kDestination = 60;
  constexpr int kMostHeaders = 8;
  UpperLayer upper{.protocol = reinterpret_cast<const Ipv6Header*>(bytes.data())->next_header,
                   .offset = sizeof(Ipv6Header)};
  for (int i = 0; i < kMostHeaders; ++i) {
    const bool fragment = upper.protocol == kProtocolFragment;
    if (!fragment && upper.protocol != kHopByHop && upper.protocol != kRouting &&
        upper.protocol != kDestination) {
      return upper;
    }
    if (upper.offset + 8 > bytes.size()) {
      return std::nullopt;
    }
    const std::byte* header = bytes.data() + upper.offset;
    if (fragment && (reinterpret_cast<const Big16*>(header + 2)->get() & 0xfff8) != 0) {
      return std::nullopt;  // a later fragment: what it carries is not to be seen
    }
    upper.protocol = static_cast<std::uint8_t>(header[0]);
    upper.offset += fragment ? 8 : (static_cast<std::size_t>(header[1]) + 1) * 8;
  }
  return std::nullopt;
}

}  // namespace gotthard::wire
