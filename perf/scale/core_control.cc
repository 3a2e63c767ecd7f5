#include "perf/scale/core_control.h"

#include <algorithm>

#include "nic/eal.h"
#include "perf/clock.h"
#include "perf/pipeline/team.h"

namespace gotthard::perf::scale {
namespace {

constexpr int kPieces = 2000;

std::uint64_t work(pipeline::Team* team) {
  const std::uint64_t start = team->start();
  for (int i = 0; i < kPieces; ++i) {
    (void)probe();
  }
  return pipeline::fenced_tsc() - start;
}

struct Second {
  pipeline::Team* team;
  std::uint64_t ticks = 0;
};

}  // namespace

Result<double> core_control() {
  pipeline::Team alone(1);
  const std::uint64_t one = work(&alone);
  pipeline::Team both(2);
  Second second{.team = &both};
  const Status started = nic::launch_worker(
      1,
      [](void* argument) {
        auto* self = static_cast<Second*>(argument);
        self->ticks = work(self->team);
        return 0;
      },
      &second);
  if (!started) {
    return tl::unexpected(started.error());
  }
  const std::uint64_t first = work(&both);
  nic::join_worker(1);
  return 2 * static_cast<double>(one) / static_cast<double>(std::max(first, second.ticks));
}

}  // namespace gotthard::perf::scale
