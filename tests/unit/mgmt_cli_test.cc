// What people see of results, and with which status verbs end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "control/mgmt/commands.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/printable.h"
#include "tools/cli/report.h"
#include "tools/cli/tables.h"

namespace gotthard::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json peer(const std::string& name) {
  return {{"interface", "wg0"},
          {"name", name},
          {"state", "up"},
          {"endpoint", "192.0.2.2:51820"},
          {"way",
           {{"port", "wan"},
            {"source", "192.0.2.1"},
            {"table", 254},
            {"rule", nullptr},
            {"refusal", nullptr}}},
          {"latest_handshake_seconds_ago", 75.4},
          {"rx_bytes", 1536},
          {"tx_bytes", 12},
          {"drops", 0},
          {"allowed_ips", {"10.2.0.0/16", "2001:db8::/48"}}};
}

TEST(Tables, PeersHaveUnits) {
  const json result{{"interfaces", json::array()}, {"peers", {peer("region-b")}}};
  EXPECT_EQ(render("show peers", result),
            "PEER          STATE  ENDPOINT         HANDSHAKE  RECEIVED  SENT  DROPS  ALLOWED IPS\n"
            "wg0/region-b  up     192.0.2.2:51820  1m15s ago  1.50 KiB  12 B  0      10.2.0.0/16 "
            "2001:db8::/48\n");
}

TEST(Tables, WhatThereIsNotYetIsADashOrNever) {
  json fresh = peer("b");
  fresh["endpoint"] = nullptr;
  fresh["way"] = nullptr;
  fresh["latest_handshake_seconds_ago"] = nullptr;
  fresh["allowed_ips"] = json::array();
  EXPECT_THAT(render("show peers", {{"peers", {fresh}}}),
              HasSubstr("wg0/b  up     -         never"));
}

TEST(Tables, AnEndpointsWayByAPolicyRuleIsShown) {
  json by_rule = peer("b");
  by_rule["way"]["table"] = 100;
  by_rule["way"]["rule"] = "77: fwmark 0x5/0xffffffff lookup 100";
  EXPECT_THAT(render("show peers", {{"peers", {by_rule}}}),
              HasSubstr(" 192.0.2.2:51820 (table 100) "));
  by_rule["way"]["refusal"] = "prohibited";
  EXPECT_THAT(render("show peers", {{"peers", {by_rule}}}),
              HasSubstr(" 192.0.2.2:51820 (no way) "));
}

TEST(Tables, NothingInAnAnswerSteersTheTerminal) {
  json steering = peer("b\x1b[2J\a\x7f\u009b2J");
  EXPECT_THAT(render("show peers", {{"peers", {steering}}}), HasSubstr("wg0/b?[2J???2J "));
  EXPECT_THAT(render("show peers", {{"surprise", "\u009b2J"}}), HasSubstr("?2J"));
  EXPECT_EQ(printable("a\nb \xc3\xa4 \xc2"), "a\nb \xc3\xa4 \xc2");
}

TEST(Tables, DropsThatDidNotHappenAreLeftOut) {
  json drops{{"drops",
              {{{"reason", "replay"}, {"packets", 3}, {"by_worker", {1, 2}}, {"by_manager", 0}},
               {{"reason", "late"}, {"packets", 0}, {"by_worker", {0, 0}}, {"by_manager", 0}}}}};
  const std::string text = render("show drops", drops);
  EXPECT_THAT(text, HasSubstr("replay  3        [1,2]      0"));
  EXPECT_THAT(text, testing::Not(HasSubstr("late")));
  drops["drops"].erase(0);
  EXPECT_EQ(render("show drops", drops), "nothing was dropped\n");
}

TEST(Tables, StatusSaysWhatIsMissing) {
  EXPECT_EQ(render("status", {{"ready", true}, {"missing", ""}}), "ready\n");
  EXPECT_EQ(render("status", {{"ready", false}, {"missing", "links"}}), "not ready: links\n");
}

TEST(Tables, AnswersOfAnotherVersionAreShownAsTheyAre) {
  for (const mgmt::Command& command : mgmt::kCommands) {
    for (const json& strange :
         {json(7), json::array({1}), json{{"x", "y"}}, json{{"peers", {1}}, {"drops", {1}}},
          json{{"ports", {{{"name", "wan"}}}}, {"workers", {{{"worker", "a"}}}}, {"ready", 1}}}) {
      EXPECT_NE(render(command.name, strange), "") << command.name << strange;
    }
  }
}

TEST(Units, AreThoseOfPeople) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1024), "1.00 KiB");
  EXPECT_EQ(bytes_text(5.5 * 1024 * 1024 * 1024), "5.50 GiB");
  EXPECT_EQ(age_text(0.9), "0s");
  EXPECT_EQ(age_text(59.9), "59s");
  EXPECT_EQ(age_text(3599), "59m59s");
  EXPECT_EQ(age_text(3600 * 25 + 60), "25h01m");
}

TEST(ExitCodes, FollowTheFailure) {
  EXPECT_EQ(exit_code({"not_running", ""}), kNotRunning);
  EXPECT_EQ(exit_code({"running", ""}), kNotRunning) << "of `up`";
  EXPECT_EQ(exit_code({"timeout", ""}), kTimeout);
  for (const char* usage : {"bad_request", "bad_argument", "unknown_peer", "ambiguous_peer",
                            "unknown_command", "refused", "usage"}) {
    EXPECT_EQ(exit_code({usage, ""}), kUsage) << usage;
  }
  for (const char* failed : {"no_answer", "bad_answer", "not_ready", "not_permitted", "busy", ""}) {
    EXPECT_EQ(exit_code({failed, ""}), kFailed) << failed;
  }
}

}  // namespace
}  // namespace gotthard::cli
