// The search for loads against devices that are simulated: what it says of them is right, or, where
// they behave as no device should, at least what its trials have shown.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "perf/line_rate/search.h"

namespace gotthard::perf::line_rate {
namespace {

// The part that is lost at a rate, in a trial of a length.
using Device = std::function<double(double rate, double seconds)>;

Device carries(double capacity) {
  return [capacity](double rate, double) { return rate <= capacity ? 0 : 1 - capacity / rate; };
}

Search run(const SearchOptions& options, const Device& device) {
  Search search(options);
  while (const auto trial = search.next()) {
    EXPECT_GE(trial->rate, options.least_rate);
    EXPECT_LE(trial->rate, options.most_rate);
    EXPECT_LE(trial->seconds, options.seconds);
    const double lost = device(trial->rate, trial->seconds);
    search.add({.trial = *trial,
                .loss_ratio = lost,
                .device_loss_ratio = lost,
                .received_rate = trial->rate * (1 - lost)});
    EXPECT_LE(search.outcomes().size(), options.most_trials);
  }
  return search;
}

double width(const Interval& interval) { return 1 - *interval.lower / *interval.upper; }

double seconds_of(const Search& search) {
  double sum = 0;
  for (const Outcome& outcome : search.outcomes()) {
    sum += outcome.trial.seconds;
  }
  return sum;
}

// What must hold of any device: ends of intervals are loads at which full trials say so, and of two
// loss ratios the greater has the higher ends.
void expect_shown(const SearchOptions& options, const Search& search) {
  const auto intervals = search.intervals();
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    const Interval& interval = intervals[i];
    std::size_t held = 0;
    std::size_t failed = 0;
    for (const Outcome& outcome : search.outcomes()) {
      if (outcome.trial.seconds < options.seconds) {
        continue;
      }
      held += interval.lower && outcome.trial.rate == *interval.lower &&
                      outcome.loss_ratio <= interval.loss_ratio
                  ? 1
                  : 0;
      failed += interval.upper && outcome.trial.rate == *interval.upper &&
                        outcome.loss_ratio > interval.loss_ratio
                    ? 1
                    : 0;
    }
    EXPECT_TRUE(!interval.lower || held > options.repeat / 2);
    EXPECT_TRUE(!interval.upper || failed > options.repeat / 2);
    EXPECT_TRUE(!interval.lower || !interval.upper || *interval.lower < *interval.upper);
    EXPECT_TRUE(!interval.confirmed || held > 1);
    if (i > 0 && intervals[i - 1].lower) {
      EXPECT_GE(interval.lower.value_or(0), *intervals[i - 1].lower);
    }
    if (i > 0 && interval.upper) {
      EXPECT_LE(*intervals[i - 1].upper, *interval.upper);
    }
  }
}

TEST(Search, FindsASharpCapacity) {
  const SearchOptions options;
  const Search search = run(options, carries(1234567));
  const auto intervals = search.intervals();
  ASSERT_EQ(intervals.size(), 2U);
  EXPECT_LE(*intervals[0].lower, 1234567);
  EXPECT_GE(*intervals[0].upper, 1234567);
  EXPECT_LE(width(intervals[0]), options.precision);
  const double with_loss = 1234567 / 0.995;
  EXPECT_LE(*intervals[1].lower, with_loss);
  EXPECT_GE(*intervals[1].upper, with_loss);
  for (const Interval& interval : intervals) {
    EXPECT_TRUE(interval.confirmed);
    EXPECT_EQ(interval.limit, Limit::device);
  }
  expect_shown(options, search);
  EXPECT_LE(search.outcomes().size(), 16U);
  EXPECT_LE(seconds_of(search), 9 * options.seconds);
}

TEST(Search, OneSearchIsCheaperThanOneForEachLossRatio) {
  SearchOptions options;
  const std::size_t both = run(options, carries(777777)).outcomes().size();
  options.loss_ratios = {0};
  const std::size_t first = run(options, carries(777777)).outcomes().size();
  options.loss_ratios = {0.005};
  const std::size_t second = run(options, carries(777777)).outcomes().size();
  EXPECT_LT(both, first + second);
}

TEST(Search, SaysWhenNothingIsCarried) {
  const SearchOptions options;
  const Search search = run(options, [](double, double) { return 1.0; });
  for (const Interval& interval : search.intervals()) {
    EXPECT_FALSE(interval.lower);
    EXPECT_EQ(interval.upper, options.least_rate);
    EXPECT_FALSE(interval.confirmed);
  }
  EXPECT_LT(search.outcomes().size(), 10U);
  expect_shown(options, search);
}

TEST(Search, SaysWhenTheGreatestLoadIsCarried) {
  const SearchOptions options;
  const Search search = run(options, carries(2 * options.most_rate));
  EXPECT_EQ(search.outcomes().size(), 2U);  // one more confirms it
  for (const Interval& interval : search.intervals()) {
    EXPECT_EQ(interval.lower, options.most_rate);
    EXPECT_FALSE(interval.upper);
    EXPECT_TRUE(interval.confirmed);
    EXPECT_EQ(interval.limit, Limit::most_rate);
  }
}

TEST(Search, TellsTheGeneratorsLimitFromTheDevices) {
  for (const bool refused : {false, true}) {
    Search search({});
    while (const auto trial = search.next()) {
      const double unsent = trial->rate > 3e6 ? 1 - 3e6 / trial->rate : 0;
      search.add({.trial = *trial,
                  .loss_ratio = unsent,
                  .device_loss_ratio = 0,
                  .received_rate = trial->rate * (1 - unsent),
                  .port_refused = refused});
    }
    for (const Interval& interval : search.intervals()) {
      EXPECT_EQ(interval.limit, refused ? Limit::port : Limit::generator);
    }
  }
}

TEST(Search, ALoadBeneathALossIsNotHidden) {
  SearchOptions options;
  options.loss_ratios = {0};
  // Loses at 400,000 to 500,000 and not again until 2,000,000.
  const Search search = run(options, [](double rate, double) {
    return (rate > 4e5 && rate < 5e5) || rate > 2e6 ? 0.1 : 0.0;
  });
  expect_shown(options, search);
  for (const Outcome& outcome : search.outcomes()) {
    if (outcome.trial.seconds >= options.seconds && outcome.loss_ratio > 0) {
      EXPECT_LT(*search.intervals()[0].lower, outcome.trial.rate);
    }
  }
}

TEST(Search, AMajorityOfTrialsBearsAGlitch) {
  SearchOptions options;
  options.repeat = 3;
  options.loss_ratios = {0};
  std::mt19937 random(5);
  const Device device = carries(1e6);
  const Search search = run(options, [&](double rate, double seconds) {
    return random() % 10 == 0 ? 0.01 : device(rate, seconds);  // one trial in ten is disturbed
  });
  const Interval interval = search.intervals()[0];
  ASSERT_TRUE(interval.lower && interval.upper);
  EXPECT_GT(*interval.lower, 0.9e6);
  EXPECT_LE(*interval.lower, 1e6);
  expect_shown(options, search);
}

TEST(Search, EndsWhenTrialsAreUsedUp) {
  SearchOptions options;
  options.most_trials = 3;
  const Search search = run(options, carries(123456));
  EXPECT_EQ(search.outcomes().size(), 3U);
  for (const Interval& interval : search.intervals()) {
    EXPECT_EQ(interval.limit, Limit::trials);
    EXPECT_FALSE(interval.confirmed);
  }
}

TEST(Search, OfNoLossRatioIsTheTrialAtTheGreatestLoad) {
  SearchOptions options;
  options.loss_ratios = {};
  const Search search = run(options, carries(5));
  ASSERT_EQ(search.outcomes().size(), 1U);
  EXPECT_EQ(search.outcomes()[0].trial.rate, options.most_rate);
  EXPECT_TRUE(search.intervals().empty());
}

SearchOptions any_options(std::mt19937_64* random) {
  const auto between = [&](double least, double most) {
    return std::exp(
        std::uniform_real_distribution<double>(std::log(least), std::log(most))(*random));
  };
  SearchOptions options;
  options.least_rate = between(1, 1e5);
  options.most_rate = options.least_rate * between(1, 1e5);
  options.seconds = between(0.01, 60);
  options.first_seconds = between(0.01, 60);
  options.precision = between(0.001, 0.3);
  options.repeat = 1 + static_cast<unsigned>((*random)() % 3);
  options.most_trials = 400;
  options.loss_ratios = {0, between(0.0001, 0.1), 0.2};
  options.loss_ratios.resize(1 + (*random)() % 3);
  return options;
}

TEST(SearchProperty, AnySharpCapacityIsEnclosed) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const SearchOptions options = any_options(&random);
    const double capacity =
        options.least_rate * std::pow(options.most_rate / options.least_rate,
                                      std::uniform_real_distribution<double>(-0.2, 1.2)(random));
    const Search search = run(options, carries(capacity));
    for (const Interval& interval : search.intervals()) {
      const double most = capacity / (1 - interval.loss_ratio) * (1 + 1e-9);
      EXPECT_TRUE(!interval.lower || *interval.lower <= most);
      EXPECT_TRUE(!interval.upper || *interval.upper >= most * (1 - 2e-9));
      EXPECT_TRUE(!interval.lower || !interval.upper || width(interval) <= options.precision);
      EXPECT_TRUE(interval.lower || *interval.upper == options.least_rate);
      EXPECT_TRUE(interval.upper || *interval.lower == options.most_rate);
      EXPECT_NE(interval.limit, Limit::trials);
      EXPECT_EQ(interval.confirmed, interval.lower.has_value());
    }
    expect_shown(options, search);
    EXPECT_LE(search.outcomes().size(), 80 * options.repeat);
    EXPECT_LE(seconds_of(search), 45.0 * options.repeat * options.seconds);
  }
}

TEST(SearchProperty, WhateverTheDeviceDoesItEndsAndClaimsNothingUnseen) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const SearchOptions options = any_options(&random);
    const double noise = seed % 2 == 0 ? 1 : 0.1;
    const Search search = run(options, [&](double, double) {
      const double lost = std::uniform_real_distribution<double>(0, noise)(random);
      return random() % 2 == 0 ? 0 : lost;
    });
    expect_shown(options, search);
  }
}

TEST(SearchProperty, NoisyLossesKeepTheirOrder) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const SearchOptions options = any_options(&random);
    const double capacity = std::sqrt(options.least_rate * options.most_rate);
    const Device device = carries(capacity);
    // The nearer to the capacity, the more often a little is lost.
    const Search search = run(options, [&](double rate, double seconds) {
      const bool unlucky = std::uniform_real_distribution<double>(0, 1)(random) <
                           std::pow(rate / capacity, 20) * seconds / options.seconds;
      return std::max(device(rate, seconds), unlucky ? 1e-5 : 0.0);
    });
    expect_shown(options, search);
    for (const Interval& interval : search.intervals()) {
      EXPECT_TRUE(!interval.lower ||
                  *interval.lower <= capacity / (1 - interval.loss_ratio) * 1.001);
    }
  }
}

}  // namespace
}  // namespace gotthard::perf::line_rate
