// The memory of IKE SAs' states may hold anything: it is read without harm, and what is written to
// it is found again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "control/checkpoint/state_store.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using gotthard::checkpoint::StateStore;
  std::vector<std::byte> memory(24 * StateStore::kGranule);
  // Begins as valid memory does, so that what follows is looked at.
  const std::vector<std::byte> text(300, std::byte{9});
  {
    StateStore store(memory);
    if (!store.write(7, text) || !store.write(8, std::span(text).first(20))) {
      std::abort();
    }
  }
  for (std::size_t i = 0; i + 2 < size; i += 3) {
    const std::size_t at = (std::size_t{data[i]} | std::size_t{data[i + 1]} << 8) % memory.size();
    memory[at] ^= static_cast<std::byte>(data[i + 2]);
  }
  const auto holds = [&](const StateStore& store, std::uint64_t wanted) {
    bool found = false;
    store.for_each([&](std::uint64_t key, std::span<const std::byte> held) {
      found |= key == wanted && std::ranges::equal(held, text);
    });
    return found;
  };
  StateStore store(memory);
  if (!store.write(9, text) || !holds(store, 9) || !holds(StateStore(memory), 9)) {
    std::abort();
  }
  store.remove(9);
  if (holds(StateStore(memory), 9)) {
    std::abort();
  }
  return 0;
}
