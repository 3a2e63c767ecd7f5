// `gotthard-perf line-rate` on a port that gives back what it is given: frames come through as they
// were sent, and what the run says has the names and the sense that its readers rely on. DPDK
// starts once a process: one test runs, the others look at what is refused before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nic/cores.h"
#include "perf/command.h"
#include "perf/line_rate/trial.h"

namespace gotthard::perf::line_rate {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kLoop = R"([generator]
hugepages = "never"
[[port]]
name = "loop"
device = "net_ring0"
mac = "02:00:00:00:00:01"
gateway_mac = "02:00:00:00:00:01"
[[flow]]
from = "loop"
to = "loop"
source = "10.1.0.2"
destination = "10.2.0.2"
count = 5
[[flow]]
from = "loop"
to = "loop"
source = "fd01::2/64"
destination = "fd02::2/64"
tunnels = 3
[trial]
seconds = 0.2
first_seconds = 0.05
precision = 0.5
max_rate = 50000
sizes = [128, "imix"]
directions = "forward"
)";

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class LineRate : public ::testing::Test {
 protected:
  LineRate()
      : file_(std::filesystem::temp_directory_path() /
              ("gotthard-line-rate-" + std::to_string(getpid()) + ".toml")) {}
  ~LineRate() override { std::filesystem::remove(file_); }

  Outcome run(const std::string& text, const std::vector<std::string>& options) {
    std::ofstream(file_) << text;
    const std::string file = file_.string();
    std::vector<const char*> argv{"gotthard-perf", "line-rate", file.c_str()};
    for (const std::string& option : options) {
      argv.push_back(option.c_str());
    }
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    Outcome outcome{.status = perf::run(static_cast<int>(argv.size()), argv.data())};
    outcome.out = ::testing::internal::GetCapturedStdout();
    outcome.err = ::testing::internal::GetCapturedStderr();
    return outcome;
  }

  std::filesystem::path file_;
};

// Two workers where there are CPUs for them: each sends some flows, one receives all.
TEST_F(LineRate, CarriesWhatALoopCarries) {
  const auto cpus = nic::available_cpus();
  ASSERT_TRUE(cpus);
  const std::string workers = std::to_string(std::min<std::size_t>(2, cpus->size()));
  const Outcome outcome = run(kLoop, {"--json", "--workers", workers, "--sizes", "128,512",
                                      "--loss-ratios", "0,0.005,0.1"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json said = json::parse(outcome.out);
  EXPECT_EQ(said["flows"], 8);
  EXPECT_EQ(said["directions"], "forward");
  EXPECT_EQ(said["workers"], std::stoi(workers));
  EXPECT_EQ(said["memory"], "pages");
  EXPECT_EQ(said["ports"][0]["driver"], "net_ring");
  EXPECT_TRUE(said["warnings"].empty());
  ASSERT_EQ(said["results"].size(), 2U);
  EXPECT_EQ(said["results"][1]["size"], 512);
  for (const json& result : said["results"]) {
    EXPECT_GT(result["mrr"]["packets_per_second"], 0);
    EXPECT_EQ(result["mrr"]["intended_packets_per_second"], 50000);
    for (const char* goal : {"ndr", "pdr", "loss_0.1"}) {
      const json& interval = result[goal];
      EXPECT_TRUE(interval["lower"].is_null() || interval["lower"]["packets_per_second"] <= 50000);
      EXPECT_NE(interval["limit"], "device");  // a ring loses nothing
    }
    for (const json& trial : result["trials"]) {
      EXPECT_EQ(trial["lost"], 0);
      EXPECT_EQ(trial["duplicates"], 0);
      EXPECT_EQ(trial["reordered"], 0);
      EXPECT_EQ(trial["planned"], trial["sent"].get<int>() + trial["unsent"].get<int>());
      EXPECT_EQ(trial["directions"].size(), 1U);
      EXPECT_EQ(trial["generator_limited"], trial["unsent"] != 0);
    }
  }
}

TEST_F(LineRate, WhatCannotBeIsRefusedBeforeAnythingStarts) {
  const auto refused = [&](const std::string& text, const std::vector<std::string>& options,
                           const std::string& why) {
    const Outcome outcome = run(text, options);
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(outcome.err, HasSubstr(why));
  };
  refused("[port]", {}, ".toml:1: 'port' in the file must be an array of tables: write [[port]]");
  refused(kLoop, {"--sizes", "64"}, "leave '64' out of sizes, 84 is the least");
  refused(kLoop, {"--sizes", "9000"}, "do not fit the MTU of port 'loop', 1500");
  refused(kLoop, {"--sizes", "big"}, "--sizes: 'big' is no size of a frame");
  refused(kLoop, {"--max-rate", "10"}, "max_rate 10 is below min_rate 1000");
  refused(kLoop, {"--seconds", "0"}, "--seconds");
  refused(kLoop, {"--directions", "up"}, "--directions");
}

TEST(Trial, DirectionsAreFoundInFlows) {
  const auto directions =
      directions_of({{.from = 0, .to = 1}, {.from = 1, .to = 0}, {.from = 0, .to = 1}});
  ASSERT_EQ(directions.size(), 2U);
  EXPECT_EQ(directions[0].flows, (std::vector<std::uint16_t>{0, 2}));
  EXPECT_EQ(directions[1].flows, (std::vector<std::uint16_t>{1}));
}

TEST(Trial, TheDirectionThatLosesMostCounts) {
  TrialCounts counts;
  counts.directions = {{.planned = 100, .sent = 100, .received = 100},
                       {.planned = 100, .sent = 80, .received = 60}};
  EXPECT_DOUBLE_EQ(counts.loss_ratio(), 0.4);
  EXPECT_DOUBLE_EQ(counts.device_loss_ratio(), 0.25);
  EXPECT_EQ(counts.sum().unsent(), 20U);
  EXPECT_EQ(counts.sum().lost(), 20U);
}

}  // namespace
}  // namespace gotthard::perf::line_rate
