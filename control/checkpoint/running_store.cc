#include "control/checkpoint/running_store.h"

#include <array>
#include <atomic>
#include <cstring>

#include "crypto/hash.h"

namespace gotthard::checkpoint {

struct RunningStore::Header {
  std::uint64_t generation = 0;  // counts up from 1
  std::uint64_t size = 0;
  std::array<std::uint8_t, 32> checksum{};  // over generation, size and text

  [[nodiscard]] std::array<std::uint8_t, 32> expected(std::span<const std::byte> text) const {
    return crypto::blake2s(std::as_bytes(std::span(this, 1)).first(16), text);
  }
};

RunningStore::RunningStore(std::span<std::byte> memory) : memory_(memory) {}

std::span<std::byte> RunningStore::copy(std::size_t i) const {
  const std::size_t half = memory_.size() / 2;
  return memory_.subspan(i * half, half);
}

std::size_t RunningStore::longest() const { return memory_.size() / 2 - sizeof(Header); }

std::optional<RunningStore::Header> RunningStore::whole(std::size_t i) const {
  Header header;
  std::memcpy(&header, copy(i).data(), sizeof(header));
  if (header.generation == 0 || header.size > longest() ||
      header.expected(copy(i).subspan(sizeof(header), header.size)) != header.checksum) {
    return std::nullopt;
  }
  return header;
}

std::optional<crypto::SecretString> RunningStore::read() const {
  const auto first = whole(0);
  const auto second = whole(1);
  const bool second_is_newer = second && (!first || second->generation > first->generation);
  const auto& newest = second_is_newer ? second : first;
  if (!newest || newest->size == 0) {
    return std::nullopt;
  }
  const auto text = copy(second_is_newer ? 1 : 0).subspan(sizeof(Header), newest->size);
  return crypto::SecretString(reinterpret_cast<const char*>(text.data()), text.size());
}

bool RunningStore::write(std::string_view text) {
  if (text.size() > longest()) {
    return false;
  }
  const auto first = whole(0);
  const auto second = whole(1);
  const bool over_first = !first || (second && second->generation > first->generation);
  const std::uint64_t last = over_first ? (second ? second->generation : 0) : first->generation;
  const std::span<std::byte> to = copy(over_first ? 0 : 1);
  Header header{.generation = last + 1, .size = text.size()};
  // Not whole until its header is: what an end in the middle leaves is the other copy.
  std::memset(to.data(), 0, sizeof(header));
  std::atomic_signal_fence(std::memory_order_seq_cst);
  const std::span<std::byte> body = to.subspan(sizeof(header));
  crypto::wipe(body.subspan(text.size()));
  std::memcpy(body.data(), text.data(), text.size());
  header.checksum = header.expected(body.first(text.size()));
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(to.data(), &header, sizeof(header));
  return true;
}

}  // namespace gotthard::checkpoint
