#include "dataplane/wire/tcp.h"

namespace gotthard::wire {
namespace {

constexpr std::uint8_t kEnd = 0;
constexpr std::uint8_t kNoOperation = 1;
constexpr std::uint8_t kMaximumSegmentSize = 2;
constexpr std::size_t kMssLength = 4;

// RFC 1624, for a value that need not lie at an even offset: the sum is taken byte by byte.
void replace(TcpHeader* header, std::byte* at, std::size_t offset, std::uint16_t value) {
  auto* field = reinterpret_cast<Big16*>(at);
  const auto place = [offset](std::uint16_t word) {
    return offset % 2 == 0 ? word : static_cast<std::uint16_t>(word << 8 | word >> 8);
  };
  std::uint32_t sum =
      (~header->checksum.get() & 0xffffU) + (~place(field->get()) & 0xffffU) + place(value);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  header->checksum.set(static_cast<std::uint16_t>(~sum));
  field->set(value);
}

}  // namespace

void clamp_mss(std::span<std::byte> segment, std::uint16_t most) {
  if (segment.size() < sizeof(TcpHeader)) {
    return;
  }
  auto* header = reinterpret_cast<TcpHeader*>(segment.data());
  const std::size_t length = (header->offset >> 4) * std::size_t{4};
  if ((header->flags & kTcpSyn) == 0 || length < sizeof(TcpHeader) || length > segment.size()) {
    return;
  }
  std::size_t at = sizeof(TcpHeader);
  while (at + 1 < length) {
    const auto kind = static_cast<std::uint8_t>(segment[at]);
    if (kind == kEnd) {
      return;
    }
    if (kind == kNoOperation) {
      ++at;
      continue;
    }
    const auto size = static_cast<std::uint8_t>(segment[at + 1]);
    if (size < 2 || at + size > length) {
      return;
    }
    if (kind == kMaximumSegmentSize && size == kMssLength) {
      std::byte* value = &segment[at + 2];
      if (reinterpret_cast<const Big16*>(value)->get() > most) {
        replace(header, value, at + 2, most);
      }
      return;
    }
    at += size;
  }
}

}  // namespace gotthard::wire
