#include "control/noise/keypairs.h"

#include <algorithm>
#include <utility>

namespace gotthard::noise {

void Keypairs::install(const Session& session) {
  if (session.role == Role::initiator) {
    previous = current;
    current = session;
    if (next) {
      crossed = std::exchange(next, std::nullopt);
    }
  } else {
    next = session;
  }
}

bool Keypairs::confirm(std::uint32_t local_id) {
  if (!next || next->local_id != local_id) {
    return false;
  }
  previous = current;
  current = next;
  next.reset();
  return true;
}

void Keypairs::erase(std::uint32_t local_id) {
  for (auto* session : {&previous, &current, &next, &crossed}) {
    if (*session && (*session)->local_id == local_id) {
      session->reset();
    }
  }
}

bool Keypairs::has(std::uint32_t local_id) const {
  return std::ranges::count(ids(), local_id) != 0;
}

std::vector<std::uint32_t> Keypairs::ids() const {
  std::vector<std::uint32_t> found;
  for (const auto* session : {&previous, &current, &next, &crossed}) {
    if (*session) {
      found.push_back((*session)->local_id);
    }
  }
  return found;
}

std::optional<Nanoseconds> Keypairs::youngest() const {
  std::optional<Nanoseconds> found;
  for (const auto* session : {&previous, &current, &next, &crossed}) {
    if (*session) {
      found = std::max(found.value_or(0), (*session)->installed);
    }
  }
  return found;
}

}  // namespace gotthard::noise
