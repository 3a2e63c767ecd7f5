// `gotthard-perf latency`: its histogram, its lines of packets, and the verb.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "perf/latency/histogram.h"
#include "perf/latency/line.h"
#include "perf/latency/watch.h"
#include "tests/unit/perf_call.h"

namespace gotthard::perf::latency {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(PerfHistogram, HasEachValueNearlyAsItIs) {
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> values{0, 1, 127, 128, 129, 255, 256, UINT64_MAX};
  for (int i = 0; i < 20000; ++i) {
    values.push_back(random() >> (random() % 64));
  }
  Histogram histogram;
  for (const std::uint64_t value : values) {
    histogram.add(value);
  }
  std::ranges::sort(values);
  EXPECT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.max(), UINT64_MAX);
  for (const double share : {0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank =
        static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    const std::uint64_t exact = values[std::max<std::size_t>(rank, 1) - 1];
    EXPECT_GE(histogram.percentile(share), exact) << share;
    EXPECT_LE(histogram.percentile(share) - exact, exact / 64) << share;
  }
}

TEST(PerfHistogram, SmallValuesAreExact) {
  Histogram histogram;
  for (const std::uint64_t value : {10, 20, 30, 100}) {
    histogram.add(value);
  }
  EXPECT_EQ(histogram.percentile(0.5), 20U);
  EXPECT_EQ(histogram.percentile(0.51), 30U);
  EXPECT_EQ(histogram.percentile(1), 100U);
  EXPECT_EQ(histogram.mean(), 40);
  const auto ccdf = histogram.ccdf();
  ASSERT_EQ(ccdf.size(), 4U);
  EXPECT_EQ(ccdf[1].value, 20U);
  EXPECT_EQ(ccdf[1].above, 0.5);
  EXPECT_EQ(ccdf[3].value, 100U);
  EXPECT_EQ(ccdf[3].above, 0);
  EXPECT_EQ(Histogram().percentile(0.5), 0U);
  EXPECT_EQ(Histogram().mean(), 0);
  EXPECT_TRUE(Histogram().ccdf().empty());
}

TEST(PerfHistogram, GreatestValueIsNeverExceeded) {
  Histogram histogram;
  histogram.add(1'000'001);
  EXPECT_EQ(histogram.percentile(0.5), 1'000'001U);
  EXPECT_EQ(histogram.ccdf().back().value, 1'000'001U);
}

TEST(PerfPacer, KeepsItsRate) {
  Pacer even(Spacing::even, 2.5, 1000, 1);
  for (const std::uint64_t at : {1002, 1005, 1007, 1010}) {
    EXPECT_EQ(even.next(), at);
    even.advance();
  }
  Pacer poisson(Spacing::poisson, 1000, 0, 7);
  std::uint64_t before = 0;
  double squares = 0;
  constexpr int kCount = 100000;
  for (int i = 0; i < kCount; ++i) {
    const auto gap = static_cast<double>(poisson.next() - before);
    squares += gap * gap;
    before = poisson.next();
    poisson.advance();
  }
  EXPECT_NEAR(static_cast<double>(before) / kCount, 1000, 15);
  EXPECT_NEAR(squares / kCount, 2e6,
              1e5);  // of an exponential distribution: twice the mean's square
}

// A worker that needs 10 ticks for a packet, as many as wait but 32 at most, and stands still once.
Histogram serve(Line line, std::uint64_t until, std::uint64_t stall_at, std::uint64_t stall,
                std::uint64_t* lost) {
  Histogram histogram;
  bool stalled = false;
  for (std::uint64_t now = 0; now < until;) {
    line.arrive(now);
    const std::size_t count = std::min<std::size_t>(32, line.waiting());
    line.take(count);
    std::uint64_t took = std::max<std::uint64_t>(1, 10 * count);
    if (!stalled && now >= stall_at) {
      stalled = true;
      took += stall;
    }
    now += took;
    EXPECT_EQ(line.under_way(), count);
    line.leave(count, now, [&](std::uint64_t spent) { histogram.add(spent); });
  }
  *lost = line.lost();
  return histogram;
}

TEST(PerfLine, PacketsAreTimedSinceTheyWereToArrive) {
  std::uint64_t lost = 0;
  const Line line(Pacer(Spacing::even, 100, 0, 1), 1024);
  const Histogram calm = serve(line, 1'000'000, UINT64_MAX, 0, &lost);
  EXPECT_EQ(lost, 0U);
  EXPECT_NEAR(static_cast<double>(calm.count()), 10'000, 2);
  EXPECT_EQ(calm.percentile(0.5), 10U);
  EXPECT_LE(calm.max(), 12U);

  // All that were to arrive while it stood still have waited, not only the one that it had.
  const Histogram delayed = serve(line, 1'000'000, 500'000, 50'000, &lost);
  EXPECT_EQ(lost, 0U);
  EXPECT_EQ(delayed.count(), calm.count());
  EXPECT_EQ(delayed.percentile(0.5), 10U);
  EXPECT_NEAR(static_cast<double>(delayed.max()), 50'000, 1000);
  const auto ccdf = delayed.ccdf();
  const auto late = std::ranges::find_if(ccdf, [](const auto& p) { return p.value > 50; });
  const double share = late->above;
  EXPECT_NEAR(share * static_cast<double>(delayed.count()), 550, 60);
}

TEST(PerfLine, WhatFindsNoPlaceIsLost) {
  std::uint64_t lost = 0;
  const Line line(Pacer(Spacing::even, 100, 0, 1), 64);
  const Histogram delayed = serve(line, 1'000'000, 500'000, 50'000, &lost);
  EXPECT_NEAR(static_cast<double>(lost), 500 - 64, 2);
  EXPECT_NEAR(static_cast<double>(delayed.count() + lost), 10'000, 2);
}

TEST(PerfWatch, IntervalsAreApartUntilTheWorkerHasCaughtUp) {
  Watch watch(100, 500, 50);
  watch.turn(10, 0, true);
  EXPECT_FALSE(watch.end(100).disturbed);
  EXPECT_TRUE(watch.end(101).disturbed);  // slow, and nothing was seen to be caught up
  watch.turn(1000, 10, false);
  EXPECT_TRUE(watch.end(100).disturbed);
  watch.turn(1000, 10, false);
  watch.turn(1000, 10, true);  // but the interval has packets that had waited
  EXPECT_TRUE(watch.end(100).disturbed);
  watch.turn(1000, 10, false);  // busy, as it may be
  EXPECT_FALSE(watch.end(100).disturbed);

  watch.turn(1001, 10, true);  // those that came during it are not served yet
  const Watch::Verdict verdict = watch.end(100);
  EXPECT_TRUE(verdict.disturbed);
  EXPECT_TRUE(verdict.stolen);
  watch.turn(10, 0, true);
  EXPECT_TRUE(watch.end(100).disturbed);
  EXPECT_FALSE(watch.end(100).disturbed);
}

TEST(PerfLatency, JsonHasTheNamesOfTheInterface) {
  const Outcome outcome = call_perf("latency", {"--seconds", "0.02", "--size", "64", "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json object = json::parse(outcome.out);
  for (const char* key :
       {"protocol", "suite", "direction", "size", "sessions", "routes", "ip", "nat_t", "spacing",
        "backend", "maximum_gbit_per_second", "maximum_quiet_share", "tsc_hz"}) {
    EXPECT_TRUE(object.contains(key)) << key;
  }
  EXPECT_EQ(object["spacing"], "poisson");
  ASSERT_EQ(object["loads"].size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const json& load = object["loads"][i];
    const double percent = std::array{10.0, 50.0, 90.0}[i];
    EXPECT_EQ(load["load_percent"], percent);
    EXPECT_DOUBLE_EQ(load["offered_packets_per_second"].get<double>(),
                     percent / 100 * object["maximum_packets_per_second"].get<double>());
    EXPECT_GE(load["intervals"], load["disturbed_intervals"]);
    EXPECT_GE(load["disturbed_intervals"], load["stolen_intervals"]);
    EXPECT_TRUE(load.contains("lost_in_line"));
    if (load["disturbed_intervals"] == load["intervals"]) {
      EXPECT_TRUE(load["undisturbed"].is_null());
    }
    const json& all = load["all"];
    EXPECT_GT(all["packets"], 0);
    EXPECT_GT(all["p50_us"], 0);
    EXPECT_GT(all["mean_us"], 0);
    EXPECT_GE(all["p90_us"], all["p50_us"]);
    EXPECT_GE(all["p99_us"], all["p90_us"]);
    EXPECT_GE(all["p99_9_us"], all["p99_us"]);
    EXPECT_GE(all["max_us"], all["p99_9_us"]);
    double before = 1;
    for (const json& point : all["ccdf"]) {
      EXPECT_LT(point[1], before);
      before = point[1];
    }
    EXPECT_EQ(all["ccdf"].back()[0], all["max_us"]);
    EXPECT_EQ(before, 0);
  }
}

TEST(PerfLatency, RunsWhatPipelineRuns) {
  const std::vector<std::vector<std::string>> calls = {
      {"--protocol", "esp", "--direction", "both", "--size", "imix", "--nat-t", "--ip", "46"},
      {"--protocol", "esp", "--suite", "aes256gcm", "--direction", "decap", "--sessions", "5"},
      {"--direction", "decap", "--routes", "100", "--ip", "66", "--spacing", "even"}};
  for (std::vector<std::string> call : calls) {
    for (const char* word : {"--seconds", "0.01", "--load", "50,80", "--json"}) {
      call.emplace_back(word);
    }
    const Outcome outcome = call_perf("latency", call);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const json object = json::parse(outcome.out);
    ASSERT_EQ(object["loads"].size(), 2U);
    EXPECT_EQ(object["loads"][1]["load_percent"], 80);
    EXPECT_GT(object["loads"][1]["all"]["packets"], 0);
  }
}

TEST(PerfLatency, TableIsForPeople) {
  const Outcome outcome = call_perf("latency", {"--seconds", "0.01", "--size", "64"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("wireguard chacha20poly1305 encap, 64 bytes, IPv4 in IPv4"));
  EXPECT_THAT(outcome.out, HasSubstr("p99.9"));
  EXPECT_THAT(outcome.out, HasSubstr("90 %, undisturbed"));
}

TEST(PerfLatency, WrongCallsAreRefused) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"--load", "0"}, "--load"},
      {{"--load", "50,100"}, "--load"},
      {{"--spacing", "odd"}, "--spacing"},
      {{"--seconds", "0"}, "--seconds"},
      {{"--size", "27"}, "--size"},
      {{"--suite", "aes128gcm"}, "--protocol esp"},
      {{"--size", "40", "--ip", "66"}, "at least 48"},
      {{"--workers", "2"}, "--workers"}};
  for (const auto& [options, why] : wrong) {
    const Outcome outcome = call_perf("latency", options);
    EXPECT_EQ(outcome.status, 2) << options[0];
    EXPECT_THAT(outcome.err, HasSubstr(why));
    EXPECT_EQ(outcome.out, "");
  }
}

}  // namespace
}  // namespace gotthard::perf::latency
