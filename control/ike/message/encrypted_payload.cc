#include "control/ike/message/encrypted_payload.h"

namespace gotthard::ike {

std::optional<Sealed> parse_sealed(const RawPayload& payload) {
  Sealed sealed{.first_inside = payload.first_inside};
  Reader reader(payload.body);
  if (payload.type == PayloadType::encrypted_fragment) {
    sealed.number = reader.u16();
    sealed.total = reader.u16();
    // RFC 7383, section 2.5.1: only the first names the payload that is inside.
    const bool first = sealed.number == 1;
    if (sealed.number == 0 || sealed.number > sealed.total || sealed.total > kMaxFragments ||
        (!first && sealed.first_inside != PayloadType::none)) {
      return std::nullopt;
    }
  }
  sealed.text = reader.rest();
  return reader.ok() ? std::optional(sealed) : std::nullopt;
}

// RFC 7296, section 3.14, and RFC 7383, section 2.5.
void write_sealed_header(Writer& writer, const Sealed& sealed, std::size_t size) {
  const std::size_t length = sealed_header_size(sealed.is_fragment()) + size;
  if (length > 0xffff) {
    writer.fail();
  }
  writer.u8(static_cast<std::uint8_t>(sealed.first_inside));
  writer.u8(0);
  writer.u16(static_cast<std::uint16_t>(length));
  if (sealed.is_fragment()) {
    writer.u16(sealed.number);
    writer.u16(sealed.total);
  }
}

std::optional<Reassembly::Whole> Reassembly::add(const Sealed& fragment, Bytes plaintext) {
  if (fragment.total < total_) {
    return std::nullopt;
  }
  if (fragment.total > total_) {
    clear();
    total_ = fragment.total;
  }
  if (size_ + plaintext.size() > kMaxMessage) {
    return std::nullopt;
  }
  const auto [piece, fresh] =
      pieces_.try_emplace(fragment.number, plaintext.begin(), plaintext.end());
  if (!fresh) {
    return std::nullopt;
  }
  size_ += piece->second.size();
  if (fragment.number == 1) {
    first_inside_ = fragment.first_inside;
  }
  if (pieces_.size() != total_) {
    return std::nullopt;
  }
  Whole whole{.first_inside = first_inside_};
  whole.chain.reserve(size_);
  for (const auto& [number, bytes] : pieces_) {
    whole.chain.insert(whole.chain.end(), bytes.begin(), bytes.end());
  }
  clear();
  return whole;
}

void Reassembly::clear() {
  pieces_.clear();
  size_ = 0;
  total_ = 0;
  first_inside_ = PayloadType::none;
}

}  // namespace gotthard::ike
