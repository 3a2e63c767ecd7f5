// The stages of the packet path, for counters and cycles.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gotthard {

enum class StageId : std::uint8_t {
  rx,
  classify,
  punt,
  spread,  // handed to another worker to be opened
  wg_decap,
  esp_decap,
  resequence,  // opened by others or behind such, sent on in order
  route,
  mtu,
  wg_encap,
  esp_encap,
  icmp,
  neighbour,
  host,
  tx,
  count
};

inline constexpr std::size_t kStageCount = static_cast<std::size_t>(StageId::count);

inline constexpr std::array<std::string_view, kStageCount> kStageNames = {
    "rx",  "classify", "punt",      "spread", "wg_decap",  "esp_decap", "resequence", "route",
    "mtu", "wg_encap", "esp_encap", "icmp",   "neighbour", "host",      "tx"};

}  // namespace gotthard
