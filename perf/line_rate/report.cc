#include "perf/line_rate/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace gotthard::perf::line_rate {
namespace {

using Json = nlohmann::ordered_json;

// "ndr" and "pdr" are what everybody calls no loss and half a percent.
std::string goal_name(double loss_ratio) {
  return loss_ratio == 0 ? "ndr" : loss_ratio == 0.005 ? "pdr" : fmt::format("loss_{}", loss_ratio);
}

std::string_view limit_name(Limit limit) {
  constexpr std::string_view kNames[] = {"device", "port", "generator", "max_rate", "trials"};
  return kNames[static_cast<std::size_t>(limit)];
}

class Rates {
 public:
  Rates(const FrameSize& size, std::size_t directions)
      : ip_bits_((size.mean() - kEthernetHeader - kFrameCheck) * 8),
        directions_(static_cast<double>(directions)) {}

  [[nodiscard]] double all(double rate) const { return rate * directions_; }
  [[nodiscard]] double gbit(double all) const { return all * ip_bits_ / 1e9; }
  [[nodiscard]] Json json(double all) const {
    return {{"packets_per_second", all}, {"gbit_per_second", gbit(all)}};
  }

 private:
  double ip_bits_;
  double directions_;
};

// Of the trial at the greatest load.
Limit limit_of(const TrialCounts& counts) {
  if (counts.device_loss_ratio() > 0) {
    return Limit::device;
  }
  const DirectionCounts sum = counts.sum();
  return sum.unsent() == 0 ? Limit::most_rate : sum.refusals > 0 ? Limit::port : Limit::generator;
}

double in_time(const TrialCounts& counts) {
  return static_cast<double>(counts.sum().received_in_time) / counts.seconds;
}

double offered(const TrialCounts& counts) {
  return static_cast<double>(counts.sum().sent) / counts.seconds;
}

Json of_counts(const DirectionCounts& counts) {
  return {{"planned", counts.planned},       {"sent", counts.sent},
          {"unsent", counts.unsent()},       {"port_refusals", counts.refusals},
          {"received", counts.received},     {"lost", counts.lost()},
          {"duplicates", counts.duplicates}, {"reordered", counts.reordered}};
}

Json of_trial(const TrialRecord& record, const Rates& rates, const RunResult& result,
              const Generator& generator) {
  const TrialCounts& counts = record.counts;
  Json trial{{"packets_per_second", rates.all(record.trial.rate)},
             {"seconds", record.trial.seconds},
             {"offered_packets_per_second", offered(counts)},
             {"received_packets_per_second", in_time(counts)},
             {"loss_ratio", counts.loss_ratio()},
             {"device_loss_ratio", counts.device_loss_ratio()},
             {"generator_limited", counts.sum().unsent() > 0},
             {"behind_seconds", counts.behind},
             {"late", counts.count(Found::ours)},
             {"neighbour", counts.count(Found::neighbour)},
             {"background", counts.count(Found::background)},
             {"icmp_errors", counts.count(Found::error) + counts.count(Found::too_big)}};
  trial.update(of_counts(counts.sum()));
  trial["directions"] = Json::array();
  for (std::size_t i = 0; i < counts.directions.size(); ++i) {
    const Direction& direction = generator.directions()[i];
    Json one{{"from", result.settings.ports[direction.from].name},
             {"to", result.settings.ports[direction.to].name}};
    one.update(of_counts(counts.directions[i]));
    trial["directions"].push_back(std::move(one));
  }
  return trial;
}

Json of_interval(const Interval& interval, const Rates& rates) {
  const auto end = [&](const std::optional<double>& rate) {
    return rate ? rates.json(rates.all(*rate)) : Json(nullptr);
  };
  return {{"loss_ratio", interval.loss_ratio},
          {"lower", end(interval.lower)},
          {"upper", end(interval.upper)},
          {"confirmed", interval.confirmed},
          {"limit", limit_name(interval.limit)}};
}

Json of_size(const SizeResult& size, const RunResult& result, const Generator& generator) {
  const Rates rates(size.size, generator.directions().size());
  Json one;
  if (const auto bytes = size.size.bytes()) {
    one["size"] = *bytes;
  } else {
    one["size"] = size.size.name();
  }
  one["mean_frame_bytes"] = size.size.mean();
  const TrialCounts& first = size.trials.front().counts;
  one["mrr"] = rates.json(in_time(first));
  one["mrr"]["intended_packets_per_second"] = rates.all(size.most_rate);
  one["mrr"]["offered_packets_per_second"] = offered(first);
  one["mrr"]["loss_ratio"] = first.loss_ratio();
  one["mrr"]["device_loss_ratio"] = first.device_loss_ratio();
  one["mrr"]["generator_limited"] = first.sum().unsent() > 0;
  one["mrr"]["limit"] = limit_name(limit_of(first));
  for (const Interval& interval : size.intervals) {
    one[goal_name(interval.loss_ratio)] = of_interval(interval, rates);
  }
  if (!size.not_carried.empty()) {
    one["not_carried"] = size.not_carried;
  }
  one["trials"] = Json::array();
  for (const TrialRecord& trial : size.trials) {
    one["trials"].push_back(of_trial(trial, rates, result, generator));
  }
  return one;
}

std::string rate_text(const Interval& interval, const Rates& rates) {
  const auto million = [&](const std::optional<double>& rate) {
    return fmt::format("{:.4f}", rates.all(*rate) / 1e6);
  };
  if (!interval.lower) {
    return interval.upper ? "less than " + million(interval.upper) : "not known";
  }
  return interval.upper ? million(interval.lower) + " to " + million(interval.upper)
                        : million(interval.lower) + " or more";
}

}  // namespace

std::string json(const RunResult& result, const Generator& generator) {
  const TrialSettings& trial = result.settings.trial;
  Json whole;
  whole["ports"] = Json::array();
  for (const TestPort& port : generator.ports()) {
    whole["ports"].push_back({{"name", port.settings.name},
                              {"device", port.settings.device},
                              {"driver", port.port->driver()},
                              {"mtu", port.port->mtu()},
                              {"link_mbit_per_second", port.speed()}});
  }
  whole["flows"] = generator.flows().size();
  whole["directions"] = kDirectionNames[static_cast<std::size_t>(trial.directions)];
  whole["workers"] = generator.workers();
  whole["memory"] = generator.hugepages() ? "hugepages" : "pages";
  whole["seconds"] = trial.seconds;
  whole["precision"] = trial.precision;
  whole["repeat"] = trial.repeat;
  whole["warnings"] = result.warnings;
  whole["results"] = Json::array();
  for (const SizeResult& size : result.sizes) {
    whole["results"].push_back(of_size(size, result, generator));
  }
  return whole.dump() + "\n";
}

std::string table(const RunResult& result, const Generator& generator) {
  const TrialSettings& trial = result.settings.trial;
  std::string text;
  for (const TestPort& port : generator.ports()) {
    text += fmt::format("port {}: {}\n", port.settings.name, port.settings.device);
  }
  text += fmt::format(
      "{} flows, directions: {}; trials of {} s, precision {} %; rates are of all directions "
      "together, bits those of IP packets\n\n"
      "{:>5}  {:<10}  {:<26}  {:>8}  {:<9}  {}\n",
      generator.flows().size(), kDirectionNames[static_cast<std::size_t>(trial.directions)],
      trial.seconds, trial.precision * 100, "size", "", "million packets a second", "Gbit/s",
      "bound by", "confirmed");
  const auto row = [&](const std::string& size, const std::string& what, const std::string& packets,
                       double gbit, std::string_view limit, std::string_view confirmed) {
    text += fmt::format("{:>5}  {:<10}  {:<26}  {:>8.3f}  {:<9}  {}\n", size, what, packets, gbit,
                        limit, confirmed);
  };
  for (const SizeResult& size : result.sizes) {
    const Rates rates(size.size, generator.directions().size());
    const TrialCounts& first = size.trials.front().counts;
    row(size.size.name(), "mrr", fmt::format("{:.4f}", in_time(first) / 1e6),
        rates.gbit(in_time(first)), limit_name(limit_of(first)), "");
    for (const Interval& interval : size.intervals) {
      row("", goal_name(interval.loss_ratio), rate_text(interval, rates),
          rates.gbit(rates.all(interval.lower.value_or(0))), limit_name(interval.limit),
          interval.confirmed ? "yes" : "no");
    }
    if (!size.not_carried.empty()) {
      text += fmt::format("       {}\n", size.not_carried);
    }
  }
  return text;
}

}  // namespace gotthard::perf::line_rate
