// The running configuration's changes, kept for a control that is started again: one text, in two
// copies of which the older is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "crypto/secret_string.h"

namespace gotthard::checkpoint {

class RunningStore {
 public:
  // Whatever `memory` holds, read() finds what was written whole last, or nothing.
  explicit RunningStore(std::span<std::byte> memory);

  [[nodiscard]] std::optional<crypto::SecretString> read() const;
  // In force when it returns; an empty text is none. False: too long; what was there stays.
  [[nodiscard]] bool write(std::string_view text);
  [[nodiscard]] std::size_t longest() const;

 private:
  struct Header;
  [[nodiscard]] std::span<std::byte> copy(std::size_t i) const;
  [[nodiscard]] std::optional<Header> whole(std::size_t i) const;

  std::span<std::byte> memory_;
};

}  // namespace gotthard::checkpoint
