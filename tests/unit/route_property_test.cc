// Random histories: whatever the order of routes, allowed IPs, neighbours, addresses, links and
// re-attachments, the data plane must send each address where the slow router sends it.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <span>

#include "tests/unit/route_history.h"

namespace gotthard::route::test {

namespace {

RC_GTEST_PROP(RouteProperty, DataPlaneDoesWhatTheSlowRouterSays,
              (const std::vector<std::uint64_t>& ops)) {
  History history;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (i == ops.size() / 2) {
      history.attach();
    }
    history.step(ops[i]);
  }
  history.attach();
  history.fib.flush(history.now);
  history.check();

  // Told anew, it is the same.
  const auto before = std::move(history.data_plane);
  history.attach();
  for (const bool ipv6 : {false, true}) {
    for (unsigned i = 0; i < kAddresses; ++i) {
      const Address address = address_of(ipv6, i);
      for (const PacketHead& head : heads(address)) {
        RC_ASSERT(before->lookup(head) == history.data_plane->lookup(head));
      }
      RC_ASSERT(before->owners(address) == history.data_plane->owners(address));
    }
  }
  RC_ASSERT(before->routes().size() == history.data_plane->routes().size());
  RC_ASSERT(before->local() == history.data_plane->local());
}

// Control dies and comes back to other routes than it left: no number that the data plane still
// uses gets another meaning, and what is gone goes.
RC_GTEST_PROP(RouteProperty, ANewControlTakesOver, (const std::vector<std::uint64_t>& ops)) {
  const std::size_t third = ops.size() / 3;
  const std::array<std::span<const std::uint64_t>, 3> parts{std::span(ops).first(third),
                                                            std::span(ops).subspan(third, third),
                                                            std::span(ops).subspan(2 * third)};
  History before;
  before.attach();
  for (const std::uint64_t op : parts[0]) {
    before.step(op);
  }
  before.fib.flush(before.now);
  for (const auto& part : parts) {
    History after;
    after.may_attach = false;
    for (const std::uint64_t op : part) {
      after.step(op);
    }
    after.take_over(&before);
    for (const std::uint64_t op : parts[2]) {
      after.step(op);
    }
    after.fib.flush(after.now);
    after.check();
    // The next one finds what this one left.
    before.data_plane = std::move(after.data_plane);
  }
}

// Long histories, so that numbers are taken, given back and taken again many times.
RC_GTEST_PROP(RouteProperty, LongHistories, (std::uint64_t seed)) {
  History history;
  history.attach();
  std::uint64_t state = seed | 1;
  for (int i = 0; i < 400; ++i) {
    std::uint64_t op = 0;
    for (int byte = 0; byte < 6; ++byte) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      op = op << 8 | state >> 56;
    }
    history.step(op);
    if (i % 50 == 49) {
      history.fib.flush(history.now);
      history.check();
    }
  }
}

}  // namespace
}  // namespace gotthard::route::test
