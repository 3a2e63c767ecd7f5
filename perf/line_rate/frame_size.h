// Sizes of frames as RFC 2544 counts them, from the destination's address to the frame check
// sequence, whose four bytes the hardware adds; and the usual mix of sizes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace gotthard::perf::line_rate {

inline constexpr std::size_t kFrameCheck = 4;
inline constexpr std::size_t kEthernetHeader = 14;
// Preamble, start of frame and gap: what else a frame takes on the wire.
inline constexpr std::size_t kBetweenFrames = 20;

inline constexpr std::uint32_t kLeastFrame = 64;
inline constexpr std::uint32_t kGreatestFrame = 9618;  // an MTU of 9600

// 28 of 64 bytes, 16 of 570 and 4 of 1518, well mixed.
inline constexpr std::array<std::uint32_t, 48> kFrameMix = [] {
  constexpr std::size_t kStride = 29;  // has no factor in common with 48
  std::array<std::uint32_t, 48> mix{};
  for (std::size_t i = 0; i < mix.size(); ++i) {
    mix[i * kStride % mix.size()] = i < 28 ? 64 : i < 44 ? 570 : 1518;
  }
  return mix;
}();

class FrameSize {
 public:
  FrameSize() = default;  // the mix
  explicit FrameSize(std::uint32_t bytes) : bytes_(bytes) {}

  // Of the frame of this number.
  [[nodiscard]] std::uint32_t at(std::uint64_t number) const {
    return bytes_ ? *bytes_ : kFrameMix[number % kFrameMix.size()];
  }
  [[nodiscard]] double mean() const {
    double sum = 0;
    for (const std::uint32_t bytes : kFrameMix) {
      sum += bytes;
    }
    return bytes_ ? *bytes_ : sum / static_cast<double>(kFrameMix.size());
  }
  [[nodiscard]] std::uint32_t least() const {
    return bytes_.value_or(*std::min_element(kFrameMix.begin(), kFrameMix.end()));
  }
  [[nodiscard]] std::uint32_t greatest() const {
    return bytes_.value_or(*std::max_element(kFrameMix.begin(), kFrameMix.end()));
  }
  [[nodiscard]] std::string name() const { return bytes_ ? std::to_string(*bytes_) : "imix"; }
  [[nodiscard]] std::optional<std::uint32_t> bytes() const { return bytes_; }
  bool operator==(const FrameSize&) const = default;

 private:
  std::optional<std::uint32_t> bytes_;
};

}  // namespace gotthard::perf::line_rate
