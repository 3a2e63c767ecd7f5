#include "tools/cli/tables_ike.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tools/cli/table.h"
#include "tools/cli/tables.h"

namespace gotthard::cli {
namespace {

using nlohmann::json;

std::string in(const json& seconds) {
  return seconds.is_null() ? "-" : age_text(seconds.get<double>());
}

std::string children_text(const json& sa) {
  std::string words;
  for (const json& child : sa.at("children")) {
    words += (words.empty() ? "" : " ") + text(child.at("name"));
  }
  return words.empty() ? "-" : words;
}

// The newest first.
std::string render_attempts(const json& records) {
  std::vector<Row> rows{{"WHEN", "TIMES", "STAGE", "CAUSE", "REMOTE", ""}};
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    rows.push_back({age(record->at("seconds_ago")), text(record->at("times")),
                    text(record->at("stage")), text(record->at("cause")),
                    text(record->at("remote")), text_or_dash(record->at("text"))});
  }
  return rows.size() == 1 ? "" : table(rows);
}

}  // namespace

std::string render_connections(const json& result) {
  std::vector<Row> rows{{"CONNECTION", "STATE", "ROLE", "REMOTE", "REMOTE ID", "SUITE", "AGE",
                         "REKEY IN", "CHILDREN"}};
  for (const json& connection : result.at("connections")) {
    const std::string name = text(connection.at("interface")) + "/" + text(connection.at("name"));
    if (connection.at("sas").empty()) {
      rows.push_back({name, text(connection.at("state")), "-", "-", "-", "-", "-", "-", "-"});
    }
    for (const json& sa : connection.at("sas")) {
      rows.push_back({name, text(sa.at("state")), text(sa.at("role")), text(sa.at("remote")),
                      text_or_dash(sa.at("remote_id")), text(sa.at("suite")),
                      in(sa.at("established_seconds_ago")), in(sa.at("rekey_in_seconds")),
                      children_text(sa)});
    }
  }
  return rows.size() == 1 ? "there is no connection\n" : table(rows);
}

std::string render_certificates(const json& result) {
  std::vector<Row> rows{{"CONNECTION", "USE", "SUBJECT", "NAMES", "ISSUER", "ENDS", "DAYS LEFT"}};
  for (const json& one : result.at("certificates")) {
    std::string names;
    for (const json& name : one.at("names")) {
      names += (names.empty() ? "" : " ") + text(name);
    }
    rows.push_back({text(one.at("connection")), text(one.at("use")),
                    text_or_dash(one.at("subject")), text_or_dash(names),
                    text_or_dash(one.at("issuer")), text(one.at("not_after")),
                    fmt::format("{:.0f}", one.at("days_left").get<double>())});
  }
  return rows.size() == 1 ? "there is no certificate\n" : table(rows);
}

std::string render_diagnosis(const json& result) {
  std::string shown = fmt::format("{}: stage {}, cause {}\n", text(result.at("name")),
                                  text(result.at("stage")), text(result.at("cause")));
  for (const char* key : {"text", "advice"}) {
    if (const std::string words = text(result.at(key)); !words.empty() && words != "-") {
      shown +=
          fmt::format("  {}{}\n", key == std::string_view("advice") ? "what to do: " : "", words);
    }
  }
  if (result.contains("next_attempt_in_seconds") &&
      !result.at("next_attempt_in_seconds").is_null()) {
    shown +=
        fmt::format("  the next attempt comes in {}\n", in(result.at("next_attempt_in_seconds")));
  }
  if (result.contains("attempts")) {
    shown += render_attempts(result.at("attempts"));
  }
  if (result.contains("strangers") && !result.at("strangers").empty()) {
    shown += "from nobody who is known:\n" + render_attempts(result.at("strangers"));
  }
  if (result.contains("attempts_since_success")) {
    shown += fmt::format("  {} attempts since the last success; the last {}\n",
                         text(result.at("attempts_since_success")),
                         age(result.at("last_attempt_seconds_ago")));
  }
  return shown;
}

}  // namespace gotthard::cli
