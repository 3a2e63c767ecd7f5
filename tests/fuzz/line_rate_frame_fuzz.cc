// Any bytes as a frame that a throughput run receives: nothing but a frame as it was sent counts
// as one, and answers to neighbours can be read back. Buffers have exactly their size, so that the
// sanitizer sees a read beyond either end.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "perf/line_rate/frame.h"
#include "perf/line_rate/neighbour.h"

namespace {

using namespace gotthard;
using namespace gotthard::perf::line_rate;

constexpr wire::Mac kOwn{2, 0, 0, 0, 0, 1};
constexpr wire::Mac kGateway{2, 0, 0, 0, 0, 2};

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

abi::Address v4(std::uint8_t last) {
  return {.family = abi::Family::ipv4, .bytes = {10, 0, 0, last}};
}

abi::Address v6(std::uint8_t last) {
  abi::Address address{.family = abi::Family::ipv6, .bytes = {0xfd}};
  address.bytes[15] = last;
  return address;
}

const FrameFormat& format() {
  static const FrameFormat kFormat(0x01020304,
                                   {{.from = 0,
                                     .to = 0,
                                     .source = v4(1),
                                     .destination = v4(2),
                                     .source_port = 1,
                                     .destination_port = 2},
                                    {.from = 0,
                                     .to = 0,
                                     .source = v6(1),
                                     .destination = v6(2),
                                     .source_port = 1,
                                     .destination_port = 2}},
                                   {{.own = kOwn, .gateway = kGateway}});
  return kFormat;
}

struct Exact {
  explicit Exact(std::size_t length) : bytes(new std::byte[length]()), size(length) {}
  explicit Exact(std::span<const std::byte> from) : Exact(from.size()) {
    std::copy(from.begin(), from.end(), bytes.get());
  }
  [[nodiscard]] std::span<std::byte> span() const { return {bytes.get(), size}; }
  std::unique_ptr<std::byte[]> bytes;
  std::size_t size;
};

Finding look(std::span<const std::byte> frame) {
  const Finding finding = format().find(frame, 0);
  require(finding.found != Found::ours ||
          (finding.numbers.flow < 2 && finding.numbers.sequence < kMostSequence));
  require(!name_of(finding.found).empty());
  return finding;
}

// The input as changes to a frame that was sent: it is found as that one only as it was.
void change(std::span<const std::byte> input) {
  if (input.size() < 4) {
    return;
  }
  const auto flow = static_cast<std::uint16_t>(static_cast<unsigned>(input[0]) & 1);
  const auto sequence = static_cast<std::uint64_t>(input[2]);
  const Exact frame(least_frame(format().flows()[flow].source.family) +
                    static_cast<std::size_t>(input[1]));
  format().write(frame.bytes.get(), {.flow = flow, .sequence = sequence}, frame.size);
  std::copy(kOwn.begin(), kOwn.end(), reinterpret_cast<std::uint8_t*>(frame.bytes.get()));
  require(look(frame.span()).found == Found::ours);
  const Exact before(frame.span());
  for (std::size_t i = 3; i + 1 < input.size(); i += 2) {
    frame.bytes[static_cast<std::size_t>(input[i]) % frame.size] ^= input[i + 1];
  }
  const std::size_t headers = 14U + (flow == 0 ? 20 : 40);
  const bool changed =
      !std::ranges::equal(frame.span().subspan(headers), before.span().subspan(headers));
  const Finding finding = look(frame.span());
  require(!changed || finding.found != Found::ours || finding.numbers.flow != flow ||
          finding.numbers.sequence != sequence);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> input(reinterpret_cast<const std::byte*>(data), size);
  const Exact frame(input);
  look(frame.span());
  const Neighbour neighbour(kOwn, {v4(1), v6(1)});
  if (const auto answer = neighbour.answer(frame.span())) {
    const Found found = look(*answer).found;
    require(found == Found::neighbour || found == Found::background);
  }
  (void)neighbour.learn(frame.span(), v4(2));
  (void)neighbour.learn(frame.span(), v6(2));
  change(input);
  return 0;
}
