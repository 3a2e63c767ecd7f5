#include "control/ike/sa/half_open.h"

#include <algorithm>

namespace gotthard::ike {
namespace {

abi::Address counted(abi::Address source) {
  if (source.family == abi::Family::ipv6) {
    std::fill(source.bytes.begin() + 8, source.bytes.end(), std::uint8_t{0});
  }
  return source;
}

}  // namespace

void HalfOpen::add(IkeSpi initiator, const Path& path, SaNumber number) {
  if (numbers_.emplace(Key(initiator, path.remote, path.remote_port), number).second) {
    ++by_source_[counted(path.remote)];
  }
}

void HalfOpen::remove(IkeSpi initiator, const Path& path) {
  if (numbers_.erase(Key(initiator, path.remote, path.remote_port)) == 0) {
    return;
  }
  const auto source = by_source_.find(counted(path.remote));
  if (--source->second == 0) {
    by_source_.erase(source);
  }
}

SaNumber HalfOpen::find(IkeSpi initiator, const Path& path) const {
  const auto found = numbers_.find(Key(initiator, path.remote, path.remote_port));
  return found == numbers_.end() ? 0 : found->second;
}

std::size_t HalfOpen::count_of(const abi::Address& source) const {
  const auto found = by_source_.find(counted(source));
  return found == by_source_.end() ? 0 : found->second;
}

}  // namespace gotthard::ike
