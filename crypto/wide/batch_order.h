// A batch as the wide kernels want it: one list for each kernel, in the order of lengths, so that
// the packets that share vectors end together.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/aead_key.h"

namespace gotthard::crypto::wide {

// Places of packets in a batch.
struct PacketList {
  std::array<std::uint8_t, kMaxBatch> place;
  std::size_t count = 0;
  bool in_order = false;  // place[i] is i

  void add(std::size_t index) { place[count++] = static_cast<std::uint8_t>(index); }
  // The first so many of the batch.
  void take(std::size_t packets) {
    static constexpr auto kInOrder = [] {
      std::array<std::uint8_t, kMaxBatch> places{};
      for (std::size_t i = 0; i < kMaxBatch; ++i) {
        places[i] = static_cast<std::uint8_t>(i);
      }
      return places;
    }();
    place = kInOrder;
    count = packets;
    in_order = true;
  }
};

// By lengths in steps of 64 bytes, the short ones first; all above 2 KiB are alike. A counting
// sort: its time depends on the number of packets only.
inline void sort_by_length(std::span<const AeadJob> batch, PacketList* list) noexcept {
  constexpr std::uint32_t kBuckets = 33;
  const std::uint32_t first = batch[list->place[0]].length;
  std::uint32_t different = 0;
  for (std::size_t i = 1; i < list->count; ++i) {
    different |= batch[list->place[i]].length ^ first;
  }
  if (different == 0) {
    return;
  }
  std::array<std::uint8_t, kMaxBatch> bucket;
  std::array<std::uint8_t, kBuckets + 1> end{};
  for (std::size_t i = 0; i < list->count; ++i) {
    const std::uint32_t lines = (batch[list->place[i]].length + 63) / 64;
    bucket[i] = static_cast<std::uint8_t>(lines < kBuckets ? lines : kBuckets - 1);
    ++end[bucket[i] + 1U];
  }
  for (std::size_t i = 1; i <= kBuckets; ++i) {
    end[i] = static_cast<std::uint8_t>(end[i] + end[i - 1]);
  }
  const PacketList before = *list;
  list->in_order = false;
  for (std::size_t i = 0; i < list->count; ++i) {
    list->place[end[bucket[i]]++] = before.place[i];
  }
}

}  // namespace gotthard::crypto::wide
