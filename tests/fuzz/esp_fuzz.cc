// Any bytes as ESP, in UDP and opened: what the parsers find lies within, what a trailer says can
// be written again, and selectors look at nothing beyond the packet. Buffers have exactly their
// size, so that the sanitizer sees a read beyond either end.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/wire/esp.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/selector_key.h"
#include "dataplane/wire/transport.h"

namespace {

using namespace gotthard::wire;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_text(std::span<const std::byte> bytes, std::uint8_t how) {
  const EspSizes sizes{.iv = (how & 1) != 0 ? 16U : 8U,
                       .icv = (how & 2) != 0 ? 32U : 16U,
                       .alignment = (how & 1) != 0 ? 16U : 1U};
  const auto text = find_esp_text(bytes.size(), sizes);
  require(!text || (text->offset + text->length + sizes.icv == bytes.size() && text->length >= 2));
  const auto payload = parse_esp_payload(bytes);
  if (payload) {
    require(payload->length + sizeof(EspTrailer) <= bytes.size());
    std::vector<std::byte> again(bytes.begin(), bytes.end());
    write_esp_trailer(std::span(again).subspan(payload->length), payload->next_header);
    require(std::equal(again.begin(), again.end(), bytes.begin()));
  }
}

void check_packet(std::span<std::byte> bytes) {
  const auto packet = parse_ip(bytes);
  if (!packet) {
    return;
  }
  const auto whole = bytes.first(packet->length);
  const SelectorKey out = selector_key(whole, packet->family, Direction::outbound);
  const SelectorKey in = selector_key(whole, packet->family, Direction::inbound);
  require(out.numbers[0] == in.numbers[1] && out.numbers[1] == in.numbers[0] &&
          out.numbers[2] == in.numbers[3] && out.numbers[3] == in.numbers[2] &&
          out.numbers[4] == in.numbers[4]);
  require(out.numbers[2] <= kNoPort && out.numbers[4] <= kNoProtocol);
  renew_transport_checksum(whole, *packet);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::size_t length = size - 1;
  const std::unique_ptr<std::byte[]> exact(new std::byte[length]);
  std::transform(data + 1, data + size, exact.get(), [](std::uint8_t b) { return std::byte{b}; });
  const std::span<std::byte> bytes(exact.get(), length);
  check_text(bytes, data[0]);
  (void)classify_udp_encapsulated(bytes);
  check_packet(bytes);
  return 0;
}
