// The checkpoint's memory may hold anything: it is read without harm, and what is committed to it
// is found again.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "control/checkpoint/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gotthard::checkpoint;
  std::vector<std::byte> memory(256 + 8 * 256);
  // Begins as valid memory does, so that what follows is looked at.
  RecordKey key{};
  key.fill(7);
  PeerRecord record;
  record.last_sent.fill(9);
  if (!Checkpoint(memory).commit(key, record)) {
    std::abort();
  }
  for (std::size_t i = 0; i + 2 < size; i += 3) {
    const std::size_t at = (std::size_t{data[i]} | std::size_t{data[i + 1]} << 8) % memory.size();
    memory[at] ^= static_cast<std::byte>(data[i + 2]);
  }
  Checkpoint checkpoint(memory);
  if (const auto found = checkpoint.find(key); found && *found != record) {
    std::abort();
  }
  RecordKey other{};
  other.fill(8);
  if (checkpoint.commit(other, record) && Checkpoint(memory).find(other) != record) {
    std::abort();
  }
  return 0;
}
