// What the fuzz targets of control/ike share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "control/ike/message/chain.h"

namespace gotthard::ike::fuzz {

inline Bytes view(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

inline void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

// What was parsed and can be written is parsed again as the same: `write` fills a chain with one
// payload, and writing the second parse makes the same bytes.
template <typename Parse, typename Write>
void round_trip(Bytes body, Parse&& parse, Write&& write) {
  const auto first = parse(body);
  if (!first) {
    return;
  }
  ChainWriter chain;
  write(chain, *first);
  if (!chain.ok()) {
    return;
  }
  const auto second = parse(Bytes(chain.bytes()).subspan(kPayloadHeaderSize));
  require(second.has_value());
  ChainWriter again;
  write(again, *second);
  require(again.ok() && again.bytes() == chain.bytes());
}

}  // namespace gotthard::ike::fuzz
