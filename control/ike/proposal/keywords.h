// The words of swanctl's proposal strings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/ike/message/sa_payload.h"

namespace gotthard::ike {

enum class Standing : std::uint8_t {
  good,
  legacy,       // only with allow_legacy
  weak,         // never
  unsupported,  // not here
};

struct Keyword {
  std::string_view word;
  Standing standing = Standing::good;
  TransformType type = TransformType::encryption;
  std::uint16_t id = 0;
  std::uint16_t key_bits = 0;  // 0: without this attribute
};

[[nodiscard]] const Keyword* find_keyword(std::string_view word);
// The word for a transform; of one that has none: its type and number, as "encryption-11".
[[nodiscard]] std::string word_for(const Transform& transform);

}  // namespace gotthard::ike
