// What `gotthard-perf aead` prints is what it measured.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "crypto/aead_key.h"
#include "perf/aead/report.h"
#include "perf/clock.h"

namespace gotthard::perf {
namespace {

using crypto::Backend;
using crypto::Suite;
using ::testing::HasSubstr;

// Long enough to be a measurement, short enough for a test.
constexpr double kSeconds = 0.001;

Measurement measured(const Scenario& scenario) {
  auto cell = measure(scenario, 2e9, kSeconds);
  EXPECT_TRUE(cell) << cell.error().message;
  return cell.value_or(Measurement{});
}

TEST(PerfAead, MeasuresEveryKindOfScenario) {
  for (const Suite suite : {Suite::chacha20_poly1305, Suite::aes128_gcm, Suite::aes256_gcm}) {
    for (const Direction direction : {Direction::seal, Direction::open}) {
      for (const std::optional<std::uint32_t> size :
           {std::optional(64U), std::optional<unsigned>()}) {
        for (const std::uint32_t burst : {1U, 5U, 32U, 64U}) {
          const Measurement cell = measured({.suite = suite,
                                             .direction = direction,
                                             .size = size,
                                             .burst = burst,
                                             .sessions = burst,
                                             .working_set = WorkingSet::hot,
                                             .baseline = Backend::portable});
          EXPECT_GT(cell.cycles_per_packet, 0);
          EXPECT_GT(cell.baseline_cycles_per_packet, 0);
          EXPECT_DOUBLE_EQ(cell.ratio, cell.baseline_cycles_per_packet / cell.cycles_per_packet);
        }
      }
    }
  }
}

TEST(PerfAead, PortableAgainstItselfIsEven) {
  const Measurement cell = measured({.size = 1420,
                                     .working_set = WorkingSet::cold,
                                     .backend = Backend::portable,
                                     .baseline = Backend::portable});
  EXPECT_GT(cell.ratio, 0.5);
  EXPECT_LT(cell.ratio, 2);
}

TEST(PerfAead, JsonHasTheNamesOfTheInterface) {
  Measurement cell{.scenario = {.suite = Suite::aes256_gcm,
                                .direction = Direction::open,
                                .size = 512,
                                .burst = 8,
                                .sessions = 4,
                                .working_set = WorkingSet::cold},
                   .backend = "portable",
                   .cycles_per_packet = 100,
                   .baseline_cycles_per_packet = 250,
                   .gbit_per_second = 81.92,
                   .ratio = 2.5,
                   .tsc_hz = 2e9,
                   .quiet = 1};
  const auto object = nlohmann::json::parse(json({cell}, false));
  EXPECT_EQ(object, nlohmann::json({{"suite", "aes256gcm"},
                                    {"direction", "open"},
                                    {"size", 512},
                                    {"burst", 8},
                                    {"sessions", 4},
                                    {"working_set", "cold"},
                                    {"backend", "portable"},
                                    {"baseline", "ipsec_mb"},
                                    {"cycles_per_packet", 100.0},
                                    {"gbit_per_second", 81.92},
                                    {"baseline_cycles_per_packet", 250.0},
                                    {"ratio", 2.5},
                                    {"quiet", 1.0},
                                    {"tsc_hz", 2000000000}}));
  EXPECT_EQ(nlohmann::json::parse(json({cell, cell}, true)).size(), 2u);
  EXPECT_THAT(table({cell}), HasSubstr("2.50"));
}

TEST(PerfAead, GridHasEachCellOnceAndAPanelForEach) {
  const auto scenarios = grid({});
  EXPECT_EQ(scenarios.size(), 3u * 2 * 2 * 2 * 7);
  std::vector<Measurement> cells;
  for (const Scenario& scenario : scenarios) {
    cells.push_back({.scenario = scenario, .backend = "portable", .ratio = 1.5});
  }
  const std::string plot = svg(cells);
  EXPECT_THAT(plot, HasSubstr("chacha20poly1305 seal: portable against ipsec_mb"));
  EXPECT_THAT(plot, HasSubstr("aes256gcm open: portable against ipsec_mb"));
  std::size_t lines = 0;
  for (auto at = plot.find("<polyline"); at != std::string::npos;
       at = plot.find("<polyline", at + 1)) {
    ++lines;
  }
  EXPECT_EQ(lines, 6u * 4);
}

TEST(PerfAead, ClockIsInHertz) {
  const double hz = measure_tsc_hz(20);
  EXPECT_GT(hz, 5e8);
  EXPECT_LT(hz, 1e10);
  EXPECT_GT(probe(), 0u);
}

}  // namespace
}  // namespace gotthard::perf
