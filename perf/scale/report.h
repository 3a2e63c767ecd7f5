#pragma once

#include <optional>
#include <string>
#include <vector>

#include "perf/scale/handshakes.h"
#include "perf/scale/install.h"
#include "perf/scale/routes.h"
#include "perf/scale/tunnels.h"
#include "perf/scale/workers.h"

namespace gotthard::perf::scale {

// Of parts that were not asked for there is nothing.
struct Found {
  std::vector<TunnelsRow> tunnels;
  std::optional<Workers> workers;
  std::optional<Routes> routes;
  std::optional<Install> install;
  std::optional<Handshakes> handshakes;
};

[[nodiscard]] std::string json(const Bench& bench, const Found& found);
[[nodiscard]] std::string table(const Bench& bench, const Found& found);

}  // namespace gotthard::perf::scale
