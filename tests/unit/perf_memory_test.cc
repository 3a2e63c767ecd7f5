// `gotthard-perf memory` says what it measured.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/perf_call.h"

namespace gotthard::perf {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(PerfMemory, AnswersWhatItIsAsked) {
  for (const char* set : {"hot", "2048", "8192"}) {
    const Outcome outcome = call_perf(
        "memory", {"--size", "9000", "--working-set", set, "--seconds", "0.001", "--json"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const json object = json::parse(outcome.out);
    EXPECT_EQ(object["size"], 9000);
    EXPECT_EQ(object["working_set"],
              set == std::string("hot") ? json("hot") : json(std::stoi(set)));
    EXPECT_GT(object["cycles_per_packet"].get<double>(), 0);
    EXPECT_NEAR(
        object["gbit_per_second"].get<double>() * 1e9,
        9000 * 8 * object["tsc_hz"].get<double>() / object["cycles_per_packet"].get<double>(), 1e6);
  }
  EXPECT_THAT(call_perf("memory", {"--seconds", "0.001"}).out, HasSubstr("1420 bytes"));
}

TEST(PerfMemory, RefusesWhatItCannotDo) {
  for (const auto& [option, value] :
       {std::pair{"--size", "0"}, std::pair{"--size", "9001"}, std::pair{"--working-set", "7"}}) {
    const Outcome outcome = call_perf("memory", {option, value});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(outcome.err, HasSubstr(option));
  }
}

}  // namespace
}  // namespace gotthard::perf
