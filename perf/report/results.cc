#include "perf/report/results.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace gotthard::perf::report {
namespace {

using nlohmann::ordered_json;

constexpr int kSchema = 1;

// Points of a distribution differ from start to start: a median of the i-th means nothing.
bool has_median(const std::string& pointer) { return pointer.find("/ccdf/") == std::string::npos; }

ordered_json medians(const Point& point) {
  ordered_json result = ordered_json::object();
  if (point.failed()) {
    return result;
  }
  const ordered_json flat = point.starts.front().flatten();
  for (const auto& [pointer, value] : flat.items()) {
    if (value.is_number() && has_median(pointer)) {
      result[pointer] = point.figure(pointer)->median;
    }
  }
  return result;
}

ordered_json json_of(const Point& point) {
  return {{"arguments", point.arguments},
          {"medians", medians(point)},
          {"starts", point.starts},
          {"errors", point.errors}};
}

ordered_json json_of(const Machine& machine) {
  return {{"cpu", machine.cpu},           {"cpus", machine.cpus},
          {"flags", machine.flags},       {"kernel", machine.kernel},
          {"compiler", machine.compiler}, {"hugepages", machine.hugepages}};
}

Machine machine_of(const ordered_json& object) {
  return {.cpu = object.at("cpu"),
          .cpus = object.at("cpus"),
          .flags = object.at("flags"),
          .kernel = object.at("kernel"),
          .compiler = object.at("compiler"),
          .hugepages = object.at("hugepages")};
}

Results results_of(const ordered_json& object) {
  Results results{.date = object.at("date"),
                  .command = object.at("command"),
                  .machine = machine_of(object.at("machine")),
                  .starts = object.at("starts"),
                  .seconds = object.at("seconds"),
                  .points = {}};
  for (const ordered_json& point : object.at("points")) {
    for (const ordered_json& start : point.at("starts")) {
      // Throws for what is no object, as the look-ups here do.
      (void)start.get_ref<const ordered_json::object_t&>();
    }
    results.points.push_back({.arguments = point.at("arguments"),
                              .starts = point.at("starts"),
                              .errors = point.at("errors")});
  }
  return results;
}

}  // namespace

std::string joined(const Arguments& arguments) {
  return fmt::format("{}", fmt::join(arguments, " "));
}

std::optional<Spread> Point::figure(const std::string& pointer) const {
  const ordered_json::json_pointer place(pointer);
  std::vector<double> values;
  for (const ordered_json& start : starts) {
    if (start.contains(place) && start.at(place).is_number()) {
      values.push_back(start.at(place).get<double>());
    }
  }
  return values.empty() ? std::nullopt : std::optional(spread_of(std::move(values)));
}

const ordered_json& Point::part(const std::string& name) const {
  static const ordered_json kNull;
  return failed() || !starts.front().contains(name) ? kNull : starts.front()[name];
}

const Point* Results::find(const Arguments& arguments) const {
  const auto found = std::find_if(points.begin(), points.end(),
                                  [&](const Point& point) { return point.arguments == arguments; });
  return found == points.end() ? nullptr : &*found;
}

std::string Results::said(const std::string& member) const {
  for (const Point& point : points) {
    if (point.part(member).is_string()) {
      return point.part(member);
    }
  }
  return "unknown";
}

std::string json(const Results& results) {
  ordered_json object;
  object["schema"] = kSchema;
  object["date"] = results.date;
  object["command"] = results.command;
  object["machine"] = json_of(results.machine);
  object["starts"] = results.starts;
  object["seconds"] = results.seconds;
  object["points"] = ordered_json::array();
  for (const Point& point : results.points) {
    object["points"].push_back(json_of(point));
  }
  // What a process said before it failed may be no UTF-8.
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Result<Results> parse(const std::string& text, const std::string& name) {
  const ordered_json object = ordered_json::parse(text, nullptr, false);
  if (!object.is_object() || !object.contains("schema")) {
    return fail("{} is not a report's JSON: give the report.json that gotthard-perf report wrote",
                name);
  }
  if (object["schema"] != kSchema) {
    return fail(
        "{} has schema {}, and this program reads schema {}: measure anew, or use the "
        "program that wrote it",
        name, object["schema"].dump(), kSchema);
  }
  try {
    return results_of(object);
  } catch (const ordered_json::exception& error) {
    return fail("{} is damaged ({}): measure anew", name, error.what());
  }
}

}  // namespace gotthard::perf::report
