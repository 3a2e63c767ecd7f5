// The chain of payloads: generic payload headers (RFC 7296, section 3.2).
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "control/ike/message/numbers.h"
#include "control/ike/message/reader.h"
#include "control/ike/message/writer.h"

namespace gotthard::ike {

// More than any exchange needs; what has more is refused, so the cost of a message is bounded.
inline constexpr std::size_t kMaxPayloads = 64;
inline constexpr std::size_t kPayloadHeaderSize = 4;

struct RawPayload {
  PayloadType type = PayloadType::none;
  bool critical = false;
  // Of an encrypted payload, whose own header names it: the first payload inside.
  PayloadType first_inside = PayloadType::none;
  Bytes body;
};

using RawPayloads = std::vector<RawPayload>;

// The payloads in order, from `first` on; an encrypted payload is the last. Nothing when a length
// does not fit, bytes are left over, or there are more than kMaxPayloads.
[[nodiscard]] std::optional<RawPayloads> parse_chain(PayloadType first, Bytes bytes);

// Writes payloads one after the other, each naming the next. The critical bit stays zero: every
// payload that is sent here is one of RFC 7296 (section 3.2).
class ChainWriter {
 public:
  template <typename Body>
  void add(PayloadType type, Body&& write_body) {
    const std::size_t start = begin(type);
    std::forward<Body>(write_body)(writer_);
    writer_.patch_length(start + 2, start);
  }

  [[nodiscard]] PayloadType first() const { return first_; }
  [[nodiscard]] bool ok() const { return writer_.ok(); }
  [[nodiscard]] const Buffer& bytes() const { return writer_.buffer(); }
  [[nodiscard]] Buffer take() { return writer_.take(); }

 private:
  std::size_t begin(PayloadType type);

  Writer writer_;
  PayloadType first_ = PayloadType::none;
  std::optional<std::size_t> last_;  // where the last payload starts
};

}  // namespace gotthard::ike
