#include "control/ike/message/chain.h"

namespace gotthard::ike {
namespace {

constexpr std::uint8_t kCritical = 0x80;

bool is_encrypted(PayloadType type) {
  return type == PayloadType::encrypted || type == PayloadType::encrypted_fragment;
}

}  // namespace

std::optional<RawPayloads> parse_chain(PayloadType first, Bytes bytes) {
  RawPayloads payloads;
  Reader reader(bytes);
  PayloadType type = first;
  while (type != PayloadType::none) {
    if (payloads.size() == kMaxPayloads) {
      return std::nullopt;
    }
    const auto next = static_cast<PayloadType>(reader.u8());
    const std::uint8_t flags = reader.u8();
    const std::size_t length = reader.u16();
    if (!reader.ok() || length < kPayloadHeaderSize) {
      return std::nullopt;
    }
    RawPayload payload{.type = type,
                       .critical = (flags & kCritical) != 0,
                       .body = reader.bytes(length - kPayloadHeaderSize)};
    if (is_encrypted(type)) {
      payload.first_inside = next;
      type = PayloadType::none;
    } else {
      type = next;
    }
    payloads.push_back(payload);
  }
  if (!reader.ok() || !reader.at_end()) {
    return std::nullopt;
  }
  return payloads;
}

// RFC 7296, section 3.2.
std::size_t ChainWriter::begin(PayloadType type) {
  if (last_) {
    writer_.patch_u8(*last_, static_cast<std::uint8_t>(type));
  } else {
    first_ = type;
  }
  last_ = writer_.size();
  writer_.u8(static_cast<std::uint8_t>(PayloadType::none));
  writer_.u8(0);
  writer_.u16(0);
  return *last_;
}

}  // namespace gotthard::ike
