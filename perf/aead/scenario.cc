#include "perf/aead/scenario.h"

#include "perf/imix.h"

namespace gotthard::perf {

using crypto::Suite;

std::uint32_t length_of(const Scenario& scenario, std::size_t index) {
  return scenario.size.value_or(kImix[index % kImix.size()]);
}

double mean_length(const Scenario& scenario) {
  return scenario.size ? *scenario.size : mean_of_imix();
}

std::string suite_name(Suite suite) {
  switch (suite) {
    case Suite::aes128_gcm:
      return "aes128gcm";
    case Suite::aes256_gcm:
      return "aes256gcm";
    default:
      return "chacha20poly1305";
  }
}

std::string direction_name(Direction direction) {
  return direction == Direction::seal ? "seal" : "open";
}

std::string working_set_name(WorkingSet working_set) {
  return working_set == WorkingSet::hot ? "hot" : "cold";
}

std::string size_name(const Scenario& scenario) {
  return scenario.size ? std::to_string(*scenario.size) : "imix";
}

std::vector<Scenario> grid(const Scenario& base) {
  std::vector<Scenario> cells;
  for (const Suite suite : {Suite::chacha20_poly1305, Suite::aes128_gcm, Suite::aes256_gcm}) {
    for (const Direction direction : {Direction::seal, Direction::open}) {
      for (const WorkingSet working_set : {WorkingSet::hot, WorkingSet::cold}) {
        for (const std::uint32_t sessions : {1U, 32U}) {
          for (const std::uint32_t size : {64U, 256U, 512U, 1024U, 1420U, 8192U, 0U}) {
            Scenario cell = base;
            cell.suite = suite;
            cell.direction = direction;
            cell.working_set = working_set;
            cell.sessions = sessions;
            cell.size = size == 0 ? std::nullopt : std::optional(size);
            cells.push_back(cell);
          }
        }
      }
    }
  }
  return cells;
}

}  // namespace gotthard::perf
