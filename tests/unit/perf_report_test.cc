// `gotthard-perf report`: what it makes of figures, and a small run from end to end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "perf/report/child.h"
#include "perf/report/comparison.h"
#include "perf/report/figures.h"
#include "perf/report/files.h"
#include "perf/report/grid.h"
#include "perf/report/markdown.h"
#include "perf/report/markup.h"
#include "perf/report/page.h"
#include "perf/report/plot.h"
#include "tests/unit/perf_call.h"
#include "tests/unit/temporary_directory.h"
#include "tests/unit/well_formed.h"

namespace gotthard::perf::report {
namespace {

using nlohmann::ordered_json;
using test::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(PerfReport, CheckerOfMarkupFindsWhatIsWrong) {
  EXPECT_EQ(malformed("<!DOCTYPE html>\n<a b='1>'><c/>&lt;</a>"), "");
  for (const char* wrong : {"<a><b></a></b>", "<a>", "</a>", "a & b", "<a b='1></a>", "<a <b/>"}) {
    EXPECT_NE(malformed(wrong), "") << wrong;
  }
}

ordered_json pipeline_start(double cycles, const std::string& direction) {
  return {{"direction", direction},
          {"backend", "avx512"},
          {"packets_per_second", 2.6e9 / cycles},
          {"gbit_per_second", 2.6 / cycles * 1420 * 8},
          {"cycles_per_packet", cycles},
          {"aead_cycles_per_packet", cycles - 100},
          {"overhead_cycles_per_packet", 100},
          {"stages", {{"rx", 10}, {"wg_" + direction, cycles - 50}, {"tx", 5.5}}}};
}

ordered_json latency_start(double p99) {
  const ordered_json times = {
      {"p50_us", 1.5},   {"p90_us", 2.5},
      {"p99_us", p99},   {"p99_9_us", 2 * p99},
      {"max_us", 100.0}, {"ccdf", {{1, 0.9}, {2, 0.1}, {p99, 0.01}, {99, 0}}}};
  return {{"loads",
           {{{"load_percent", 10}, {"undisturbed", times}},
            {{"load_percent", 90}, {"undisturbed", nullptr}}}}};
}

Point point_of(Arguments arguments, std::vector<ordered_json> starts) {
  return {.arguments = std::move(arguments), .starts = std::move(starts), .errors = {}};
}

Results canned() {
  Results results{.date = "2026-01-31T12:00:00Z",
                  .command = "gotthard-perf report --out <dir> & \"more\"",
                  .machine = {.cpu = "A <CPU> & more",
                              .cpus = 2,
                              .flags = "aes avx2",
                              .kernel = "Linux 6",
                              .compiler = "g++ 12",
                              .hugepages = "none"},
                  .starts = 3,
                  .seconds = 0.5,
                  .points = {}};
  for (const char* direction : kDirections) {
    for (const char* size : kSizes) {
      results.points.push_back(
          point_of(pipeline_point(kPaths[0], direction, size),
                   {pipeline_start(910, direction), pipeline_start(900, direction),
                    pipeline_start(1000, direction)}));
    }
  }
  results.points.push_back(point_of(aead_point(kPaths[0], "encap", "64"),
                                    {{{"cycles_per_packet", 88}, {"gbit_per_second", 12}}}));
  results.points.push_back(
      point_of(tunnels_point(kPaths[0]),
               {{{"tunnels",
                  {{{"tunnels", 1}, {"relative_rate", 1}, {"cycles_per_packet", 900}},
                   {{"tunnels", 1000}, {"relative_rate", 0.8}, {"cycles_per_packet", 1100}}}}}}));
  results.points.push_back(
      point_of(latency_point(kPaths[0]), {latency_start(5), latency_start(4), latency_start(9)}));
  results.points.push_back({.arguments = pipeline_point(kPaths[1], "encap", "64"),
                            .starts = {},
                            .errors = {"exit status 1: no <memory> & no luck"}});
  return results;
}

TEST(PerfReport, MedianAndSpread) {
  const Spread odd = spread_of({3, 1, 2});
  EXPECT_EQ(odd.median, 2);
  EXPECT_EQ(odd.least, 1);
  EXPECT_EQ(odd.greatest, 3);
  EXPECT_EQ(odd.width(), 2);
  EXPECT_EQ(odd.count, 3U);
  EXPECT_EQ(spread_of({4, 1, 2, 3}).median, 2.5);
  EXPECT_EQ(spread_of({7}).median, 7);
  EXPECT_EQ(spread_of({}).count, 0U);
}

TEST(PerfReport, ChangeIsMoreThanTheWiderSpread) {
  const Spread old = spread_of({100, 102, 104});
  EXPECT_EQ(change(old, spread_of({104, 105, 106})), Change::none) << "3 of a spread of 4";
  EXPECT_EQ(change(old, spread_of({106, 106, 106})), Change::none) << "4 is not more than 4";
  EXPECT_EQ(change(old, spread_of({107, 107, 107})), Change::more);
  EXPECT_EQ(change(old, spread_of({90, 91, 92})), Change::less);
  EXPECT_EQ(change(old, spread_of({80, 90, 110})), Change::none);
  EXPECT_EQ(change(old, spread_of({200})), Change::unknown);
}

TEST(PerfReport, FiguresAreOfTheStartsThatHaveThem) {
  const Results results = canned();
  const Point* point = results.find(pipeline_point(kPaths[0], "encap", "64"));
  ASSERT_NE(point, nullptr);
  EXPECT_EQ(point->figure("/cycles_per_packet")->median, 910);
  EXPECT_EQ(range(point->figure("/cycles_per_packet")), "900 to 1000");
  EXPECT_EQ(point->figure("/stages/rx")->median, 10);
  EXPECT_FALSE(point->figure("/direction")) << "no number";
  EXPECT_FALSE(point->figure("/loads/0")) << "nothing";
  EXPECT_EQ(results.said("backend"), "avx512");
  EXPECT_EQ(results.said("no such member"), "unknown");
  EXPECT_TRUE(results.points.back().failed());
  EXPECT_THAT(figures_of(results.points.back()), IsEmpty());
  std::vector<std::string> names;
  for (const Figure& figure : figures_of(*results.find(tunnels_point(kPaths[0])))) {
    names.push_back(figure.name);
  }
  EXPECT_THAT(names, ElementsAre("tunnels 1: cycles a packet", "tunnels 1000: cycles a packet"));
}

TEST(PerfReport, JsonComesBackAsItWas) {
  const std::string written = json(canned());
  const auto read = parse(written, "report.json");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(json(*read), written);
  const ordered_json object = ordered_json::parse(written);
  EXPECT_EQ(object["schema"], 1);
  EXPECT_EQ(object["points"][0]["medians"]["/cycles_per_packet"], 910);
  EXPECT_EQ(object["points"][0]["starts"].size(), 3U);
  for (const auto& point : object["points"]) {
    for (const auto& [pointer, median] : point["medians"].items()) {
      EXPECT_THAT(pointer, Not(HasSubstr("ccdf")));
    }
  }
}

TEST(PerfReport, WhatIsNoUtf8IsWrittenAllTheSame) {
  Results results = canned();
  results.points.back().errors = {"\xff\x01 <"};
  EXPECT_TRUE(parse(json(results), "report.json"));
  EXPECT_EQ(escape(results.points.back().errors[0]).find('\x01'), std::string::npos);
}

TEST(PerfReport, RefusesWhatIsNoReport) {
  for (const char* text : {"", "[]", "{}", "7", "{\"points\": []}"}) {
    const auto read = parse(text, "old.json");
    ASSERT_FALSE(read) << text;
    EXPECT_THAT(read.error().message, HasSubstr("old.json is not a report's JSON"));
  }
  const auto newer = parse("{\"schema\": 2}", "old.json");
  ASSERT_FALSE(newer);
  EXPECT_THAT(newer.error().message, HasSubstr("schema 2"));
  ordered_json damaged = ordered_json::parse(json(canned()));
  damaged["points"][0]["starts"][0] = 7;
  for (const auto& object : {damaged, ordered_json{{"schema", 1}}}) {
    const auto read = parse(object.dump(), "old.json");
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message, HasSubstr("old.json is damaged"));
  }
}

TEST(PerfReport, PageIsWellFormedAndNeedsNothingElse) {
  const Results results = canned();
  const Comparison comparison = compare(results, results);
  const std::string html = page(results, &comparison);
  EXPECT_EQ(malformed(html), "");
  EXPECT_THAT(html, HasSubstr("A &lt;CPU&gt; &amp; more"));
  EXPECT_THAT(html, HasSubstr("no &lt;memory&gt; &amp; no luck")) << "why a point failed";
  EXPECT_THAT(html, HasSubstr("<td>failed</td>"));
  EXPECT_THAT(html, HasSubstr("<polyline class='line l0' points='"));
  EXPECT_THAT(html, HasSubstr("<title>seal or open: 860.0</title>"));
  for (const char* outside : {"<script", "<link", "<img", "src=", "href=", "url(", "@import"}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
  EXPECT_THAT(html, Not(HasSubstr("nan"))) << "no place is not a number";
  EXPECT_THAT(html, Not(HasSubstr("inf'")));
}

TEST(PerfReport, PageOfNothingIsWellFormed) {
  const std::string html = page(Results{}, nullptr);
  EXPECT_EQ(malformed(html), "");
  EXPECT_THAT(html, HasSubstr("nothing was measured"));
}

TEST(PerfReport, PlotsHaveTheirPointsWithinTheField) {
  const LinePlot flat{.title = "t",
                      .x = {.label = "x", .names = {}},
                      .y = {.label = "y", .names = {}},
                      .series = {{.name = "s", .dashes = {}, .points = {{0, 0}}}}};
  EXPECT_THAT(svg(flat), Not(HasSubstr("nan")));
  LinePlot decades = flat;
  decades.x.logarithmic = decades.y.logarithmic = true;
  decades.series[0].points = {{1, 0}, {1, 1}, {100, 0.01}};
  const std::string text = svg(decades);
  EXPECT_THAT(text, HasSubstr("points='58.0,30.0 458.0,275.0'")) << "0 has no place: left out";
  EXPECT_EQ(malformed(text), "");
}

TEST(PerfReport, ComparisonSaysWhatChangedByMoreThanTheSpread) {
  const Arguments point = pipeline_point(kPaths[0], "encap", "64");
  const auto of = [&](std::vector<double> cycles) {
    Results results;
    results.points.push_back(point_of(point, {}));
    for (const double value : cycles) {
      results.points[0].starts.push_back(pipeline_start(value, "encap"));
    }
    return results;
  };
  const auto word = [&](const Results& before, const Results& after) {
    const Comparison comparison = compare(before, after);
    return comparison.differences.empty() ? "" : comparison.differences[0].word;
  };
  EXPECT_EQ(word(of({900, 910}), of({950, 960})), "slower");
  EXPECT_EQ(word(of({900, 910}), of({850, 860})), "faster");
  EXPECT_EQ(word(of({900, 910}), of({908, 912})), "same");
  EXPECT_EQ(word(of({900, 910}), of({2000})), "one start");
  const Comparison comparison = compare(of({900, 910}), of({1800, 1820}));
  ASSERT_EQ(comparison.differences.size(), 1U);
  EXPECT_EQ(comparison.differences[0].ratio(), 2);
  EXPECT_THAT(text(comparison), HasSubstr("2.000  slower"));
}

TEST(PerfReport, ComparisonCountsWhatOnlyOneSideHas) {
  Results before = canned();
  Results after = canned();
  before.points.erase(before.points.begin());
  after.points.erase(after.points.end() - 2);
  const Comparison comparison = compare(before, after);
  EXPECT_EQ(comparison.only_after, 1U);
  EXPECT_EQ(comparison.only_before, 1U);
}

TEST(PerfReport, MarkdownHasTheTableAndIsPutBetweenTheMarkers) {
  const std::string section = markdown(canned());
  EXPECT_THAT(section, HasSubstr("| WireGuard encap | 910 (810 + 100) | 910 (810 + 100) |"));
  EXPECT_THAT(section, HasSubstr("| ESP AES-128-GCM encap | failed | - | - |"));
  EXPECT_THAT(section, HasSubstr("2026-01-31"));
  const std::string readme = std::string("before\n") + kBegin + "\nold\n" + kEnd + "\nafter\n";
  const auto replaced = replace_section(readme, section, "README.md");
  ASSERT_TRUE(replaced) << replaced.error().message;
  EXPECT_EQ(*replaced, "before\n" + section + "after\n");
  EXPECT_EQ(replace_section(*replaced, section, "README.md").value_or(""), *replaced)
      << "a second time changes nothing";
}

TEST(PerfReport, MarkersMustBeThereOnceAndInOrder) {
  const std::string begin = kBegin;
  const std::string end = kEnd;
  for (const std::string& text : {std::string(), begin, end, end + begin, begin + end + begin}) {
    const auto replaced = replace_section(text, "new", "README.md");
    ASSERT_FALSE(replaced) << text;
    EXPECT_THAT(replaced.error().message, HasSubstr("README.md does not have the lines " + begin));
  }
}

TEST(PerfReport, GridAsksNothingTwice) {
  for (const bool quick : {false, true}) {
    std::vector<Arguments> points = grid(quick, 2);
    std::sort(points.begin(), points.end());
    EXPECT_EQ(std::adjacent_find(points.begin(), points.end()), points.end());
  }
  EXPECT_EQ(grid(false, 1).size() + kFewPaths.size(), grid(false, 2).size())
      << "two workers need two CPUs";
}

TEST(PerfReport, WrongCallsAreRefusedBeforeAnythingIsMeasured) {
  const TemporaryDirectory directory;
  const std::string out = directory / "out";
  ASSERT_TRUE(write_file(directory / "README.md", "no markers\n"));
  ASSERT_TRUE(write_file(directory / "bad.json", "{}"));
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong{
      {{}, "--out"},
      {{"--out", out, "--starts", "0"}, "--starts"},
      {{"--out", out, "--seconds", "0"}, "--seconds"},
      {{"--out", out, "--from", "x", "--quick"}, "--from"},
      {{"--out", out, "--from", "x", "--starts", "2"}, "--from"},
      {{"--out", out, "--from", directory / "none.json"}, "cannot read"},
      {{"--out", out, "--compare", directory / "bad.json"}, "not a report's JSON"},
      {{"--out", out, "--readme", directory / "README.md"}, kBegin},
      {{"--out", out, "more"}, "more"}};
  for (const auto& [options, why] : wrong) {
    const Outcome outcome = call_perf("report", options);
    EXPECT_EQ(outcome.status, 2) << why;
    EXPECT_THAT(outcome.err, HasSubstr(why));
    EXPECT_FALSE(std::filesystem::exists(out)) << why;
  }
}

TEST(PerfReport, ShowsAnotherRunAndKeepsWhatFailed) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(write_file(directory / "raw.json", json(canned())));
  ASSERT_TRUE(write_file(directory / "README.md", std::string(kBegin) + kEnd));
  const std::string out = directory / "a/b";
  const Outcome outcome =
      call_perf("report", {"--out", out, "--from", directory / "raw.json", "--compare",
                           directory / "raw.json", "--readme", directory / "README.md"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("1.000  same"));
  EXPECT_EQ(read_file(out + "/report.json").value_or(""), json(canned()));
  EXPECT_EQ(read_file(directory / "README.md").value_or(""), markdown(canned()));
  EXPECT_EQ(read_file(out + "/report.md").value_or(""), markdown(canned()));
  EXPECT_EQ(malformed(read_file(out + "/report.html").value_or("<")), "");
}

TEST(PerfReport, ProcessThatFailsSaysWhy) {
  const auto refused = run_self({"pipeline", "--size", "huge"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("exit status 2: --size"));
}

TEST(PerfReport, QuickRunFromEndToEnd) {
  const TemporaryDirectory directory;
  const std::string out = directory / "out";
  const Outcome outcome =
      call_perf("report", {"--out", out, "--quick", "--starts", "1", "--seconds", "0.02"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const auto results = parse(read_file(out + "/report.json").value_or(""), "report.json");
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_GE(results->machine.cpus, 1U);
  EXPECT_THAT(results->machine.kernel, HasSubstr("Linux"));
  EXPECT_THAT(results->date, ::testing::MatchesRegex("20..-..-..T..:..:..Z"));
  ASSERT_EQ(results->points.size(), grid(true, 1).size());
  for (const Point& point : results->points) {
    EXPECT_EQ(point.starts.size(), 1U) << joined(point.arguments);
    EXPECT_THAT(point.errors, IsEmpty());
    EXPECT_THAT(figures_of(point), Not(IsEmpty())) << joined(point.arguments);
    EXPECT_THAT(outcome.err, HasSubstr(joined(point.arguments)));
  }
  EXPECT_EQ(malformed(read_file(out + "/report.html").value_or("<")), "");
}

}  // namespace
}  // namespace gotthard::perf::report
