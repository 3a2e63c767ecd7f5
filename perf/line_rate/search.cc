#include "perf/line_rate/search.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace gotthard::perf::line_rate {
namespace {

constexpr std::size_t kPhases = 3;

// Trials at one load that were long enough.
struct Tally {
  unsigned held = 0;
  unsigned failed = 0;
};

bool holds(const Tally& tally, unsigned majority) {
  return tally.held >= majority && tally.held > tally.failed;
}

bool fails(const Tally& tally, unsigned majority) {
  return tally.failed >= majority && tally.failed >= tally.held;
}

}  // namespace

// What trials of a length say of a loss ratio.
struct Search::Bounds {
  std::optional<double> lower;
  std::optional<double> lower_but_one;  // the next load below that holds
  std::optional<double> upper;
  std::optional<double> upper_but_one;  // the next load above that fails
  std::optional<double> open;           // a load between them at which there is no majority yet
  unsigned trials_at_lower = 0;
};

Search::Search(SearchOptions options) : options_(std::move(options)) {
  options_.least_rate = std::min(options_.least_rate, options_.most_rate);
  if (options_.first_seconds >= options_.seconds) {
    phases_.push_back({options_.seconds, options_.precision});
    return;
  }
  const double growth = std::pow(options_.seconds / options_.first_seconds, 1.0 / (kPhases - 1));
  for (std::size_t i = 0; i < kPhases; ++i) {
    const bool last = i + 1 == kPhases;
    phases_.push_back(
        {last ? options_.seconds
              : options_.first_seconds * std::pow(growth, static_cast<double>(i)),
         std::min(0.5, options_.precision * std::pow(2.0, static_cast<double>(kPhases - 1 - i)))});
  }
}

Search::Bounds Search::bounds(double loss_ratio, double seconds) const {
  std::map<double, Tally> loads;
  for (const Outcome& outcome : outcomes_) {
    if (outcome.trial.seconds >= seconds) {
      Tally& tally = loads[outcome.trial.rate];
      ++(outcome.loss_ratio <= loss_ratio ? tally.held : tally.failed);
    }
  }
  const unsigned majority = options_.repeat / 2 + 1;
  Bounds result;
  for (const auto& [rate, tally] : loads) {
    if (fails(tally, majority)) {
      if (result.upper) {
        result.upper_but_one = rate;
        break;
      }
      result.upper = rate;
    } else if (result.upper) {
      continue;
    } else if (holds(tally, majority)) {
      result.lower_but_one = result.lower;
      result.lower = rate;
      result.trials_at_lower = tally.held + tally.failed;
    } else {
      result.open = rate;
    }
  }
  if (result.lower && result.open && *result.open < *result.lower) {
    result.open.reset();
  }
  return result;
}

// What a device that is given too much still carries is near to what it can carry.
Search::Bounds Search::first_guess() const {
  Bounds guess;
  guess.lower =
      std::clamp(outcomes_.front().received_rate, options_.least_rate, options_.most_rate);
  return guess;
}

// A load below the upper end: where the phase before has found one, else down from there by steps
// that grow.
double Search::below(const Bounds& now, const Bounds& before, const Phase& phase) const {
  const double guess = before.lower.value_or(options_.least_rate);
  if (guess < *now.upper) {
    return guess;
  }
  double step = 2 * phase.precision;
  if (now.upper_but_one && *now.upper_but_one < options_.most_rate) {
    step = std::max(step, 2 * (1 - *now.upper / *now.upper_but_one));
  }
  return std::max(options_.least_rate, *now.upper * (1 - std::min(step, 0.5)));
}

// A load above the lower end. While the greatest load is all that is known to fail it may be far
// away: up by steps that grow.
double Search::above(const Bounds& now, const Bounds& before, const Phase& phase) const {
  const double middle = std::sqrt(*now.lower * *now.upper);
  if (*now.upper < options_.most_rate) {
    return middle;
  }
  if (before.upper && *before.upper > *now.lower && *before.upper < *now.upper) {
    return *before.upper;
  }
  double step = 2 * phase.precision;
  if (now.lower_but_one) {
    step = std::max(step, 2 * (*now.lower / *now.lower_but_one - 1));
  }
  return std::min(middle, *now.lower * (1 + step));
}

// The load to try next in a phase; none when its interval is narrow enough.
std::optional<double> Search::narrow(double loss_ratio, std::size_t phase) const {
  const Phase& wanted = phases_[phase];
  const Bounds now = bounds(loss_ratio, wanted.seconds);
  if (now.open) {
    return now.open;
  }
  if (!now.upper) {
    return std::nullopt;  // the greatest load holds: it was tried first
  }
  const Bounds before = phase == 0 ? first_guess() : bounds(loss_ratio, phases_[phase - 1].seconds);
  if (!now.lower) {
    return *now.upper > options_.least_rate ? std::optional(below(now, before, wanted))
                                            : std::nullopt;
  }
  if (1 - *now.lower / *now.upper <= wanted.precision) {
    return std::nullopt;
  }
  return above(now, before, wanted);
}

std::optional<double> Search::unconfirmed(double loss_ratio) const {
  const Bounds now = bounds(loss_ratio, options_.seconds);
  return now.lower && now.trials_at_lower <= options_.repeat ? now.lower : std::nullopt;
}

std::optional<Trial> Search::next() const {
  if (outcomes_.empty()) {
    return Trial{.rate = options_.most_rate, .seconds = options_.seconds};
  }
  if (outcomes_.size() >= options_.most_trials) {
    return std::nullopt;
  }
  for (std::size_t phase = 0; phase < phases_.size(); ++phase) {
    for (const double loss_ratio : options_.loss_ratios) {
      if (const auto rate = narrow(loss_ratio, phase)) {
        return Trial{.rate = *rate, .seconds = phases_[phase].seconds};
      }
    }
  }
  for (const double loss_ratio : options_.loss_ratios) {
    if (const auto rate = unconfirmed(loss_ratio)) {
      return Trial{.rate = *rate, .seconds = options_.seconds};
    }
  }
  return std::nullopt;
}

Limit Search::limit_at(double loss_ratio, double upper) const {
  bool by_port = false;
  for (const Outcome& outcome : outcomes_) {
    if (outcome.trial.rate != upper || outcome.trial.seconds < options_.seconds) {
      continue;
    }
    if (outcome.device_loss_ratio > loss_ratio) {
      return Limit::device;
    }
    by_port |= outcome.port_refused && outcome.loss_ratio > loss_ratio;
  }
  return by_port ? Limit::port : Limit::generator;
}

std::vector<Interval> Search::intervals() const {
  std::vector<Interval> result;
  for (const double loss_ratio : options_.loss_ratios) {
    const Bounds now = bounds(loss_ratio, options_.seconds);
    const bool narrowed = !outcomes_.empty() && !narrow(loss_ratio, phases_.size() - 1);
    Interval interval{.loss_ratio = loss_ratio,
                      .lower = now.lower,
                      .upper = now.upper,
                      .confirmed = narrowed && now.lower && !unconfirmed(loss_ratio)};
    interval.limit = !narrowed   ? Limit::trials
                     : now.upper ? limit_at(loss_ratio, *now.upper)
                                 : Limit::most_rate;
    result.push_back(interval);
  }
  return result;
}

}  // namespace gotthard::perf::line_rate
