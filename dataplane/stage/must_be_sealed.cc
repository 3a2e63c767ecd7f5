#include "dataplane/stage/must_be_sealed.h"

#include <arpa/inet.h>

#include "dataplane/stage/lookup.h"
#include "dataplane/wire/icmp.h"
#include "dataplane/wire/selector_key.h"

namespace gotthard::dataplane {
namespace {

std::uint32_t number(const wire::SelectorKey& key, wire::SelectorField field) {
  return static_cast<std::uint32_t>(key.numbers[static_cast<std::size_t>(field)]);
}

bool goes_without(const wire::SelectorKey& key, const Topology& topology) {
  using enum wire::SelectorField;
  const std::uint32_t port = number(key, local_port);
  switch (number(key, protocol)) {
    case wire::kProtocolUdp:
      return port == abi::kIkePort ||
             (port <= UINT16_MAX &&
              topology.listener(htons(static_cast<std::uint16_t>(port))) != abi::kMaxInterfaces);
    case wire::kProtocolIcmp:
      return port <= UINT16_MAX && wire::is_icmp_error4(static_cast<std::uint8_t>(port >> 8));
    case wire::kProtocolIcmpv6: {
      constexpr std::uint32_t kEchoRequest = 128, kSolicitation = 133, kRedirect = 137;
      const std::uint32_t type = port >> 8;
      return type < kEchoRequest || (type >= kSolicitation && type <= kRedirect);
    }
    default:
      return false;
  }
}

}  // namespace

bool must_be_sealed(const Burst& burst, std::uint32_t i, const WorkerContext& worker) {
  const Lane& lane = burst.lanes[i];
  LaneList one;
  one.push(i);
  std::uint64_t id = 0;
  lookup<LookupKey::source>(burst, one, *worker.shared->tables, abi::Table::routes, &id);
  const NextHop hop = id == 0 ? NextHop{} : worker.shared->hops.next_hop(id);
  if (id == 0 || hop.kind != abi::HopKind::policy) {
    return false;
  }
  const PolicyTable* policy =
      worker.shared->policies[hop.interface].load(std::memory_order_acquire);
  const auto key =
      wire::selector_key({lane.ip, lane.length}, lane.family, wire::Direction::inbound);
  return policy != nullptr && !goes_without(key, *worker.topology) && policy->match(key) != nullptr;
}

}  // namespace gotthard::dataplane
