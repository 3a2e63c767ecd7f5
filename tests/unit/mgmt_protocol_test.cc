#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/duration.h"
#include "base/log.h"
#include "control/mgmt/peer_name.h"
#include "control/mgmt/protocol.h"
#include "control/mgmt/shortened.h"

namespace gotthard::mgmt {
namespace {

using testing::HasSubstr;

// Each command answers with its own name and arguments.
Handlers echoes() {
  Handlers handlers;
  for (const Command& command : kCommands) {
    handlers[command.name] = at_once([&command](const Arguments& arguments) -> Answer {
      return json{{"command", command.name}, {"arguments", arguments}};
    });
  }
  return handlers;
}

std::string answered(std::string_view request, const Handlers& handlers, bool may_write) {
  std::string line;
  answer_line(request, handlers, may_write, [&](const std::string& reply) { line = reply; });
  return line;
}

Answer ask(std::string_view request, bool may_write = true) {
  const std::string line = answered(request, echoes(), may_write);
  EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
  return parse_answer(line);
}

std::string code_of(const Answer& answer) { return answer ? "(ok)" : answer.error().code; }

Arguments arguments_for(const Command& command) {
  Arguments arguments;
  for (const Argument& argument : command.takes()) {
    arguments[std::string(argument.name)] = "value of " + std::string(argument.name);
  }
  return arguments;
}

TEST(Protocol, EachCommandArrivesWithItsArguments) {
  for (const Command& command : kCommands) {
    const Arguments arguments = arguments_for(command);
    const Answer answer = ask(request_line(command.name, arguments));
    ASSERT_TRUE(answer.has_value()) << command.name;
    EXPECT_EQ((*answer)["command"], command.name);
    EXPECT_EQ((*answer)["arguments"], json(arguments));
  }
}

TEST(Protocol, OptionsAndFlagsMayBeLeftOut) {
  const Answer none = ask(request_line("reload", {}));
  ASSERT_TRUE(none.has_value()) << none.error().error;
  EXPECT_EQ((*none)["arguments"], json::object());
  EXPECT_TRUE(ask(request_line("reload", {{"confirm", "60s"}})).has_value());
  EXPECT_EQ(code_of(ask(request_line("reload", {{"confirmed", "60s"}}))), "bad_request");
  EXPECT_EQ(code_of(ask(request_line("log", {{"level", "info"}}))), "bad_request");
}

TEST(Protocol, TimesAreSecondsOrHaveAUnit) {
  EXPECT_EQ(parse_seconds("90"), 90U);
  EXPECT_EQ(parse_seconds("60s"), 60U);
  EXPECT_EQ(parse_seconds("5m"), 300U);
  EXPECT_EQ(parse_seconds("2d"), 172800U);
  EXPECT_EQ(parse_seconds("1h"), 3600U);
  EXPECT_EQ(parse_seconds("4294967295"), 4294967295U);
  for (const char* wrong : {"", "s", "-1", "1w", "1.5m", "5 m", "5mm", "4294967296", "71582789m",
                            "99999999999999999999"}) {
    EXPECT_EQ(parse_seconds(wrong), std::nullopt) << wrong;
  }
}

TEST(Shortened, EightWordsAndACount) {
  EXPECT_EQ(shortened(""), "");
  EXPECT_EQ(shortened("1 2 3 4 5 6 7 8"), "1 2 3 4 5 6 7 8");
  EXPECT_EQ(shortened("1 2 3 4 5 6 7 8 9"), "1 2 3 4 5 6 7 8 and 1 more");
  EXPECT_EQ(shortened("1 2 3 4 5 6 7 8 9 10 11"), "1 2 3 4 5 6 7 8 and 3 more");
}

TEST(Protocol, OnlyCommandsThatChangeNothingNeedNoRight) {
  for (const Command& command : kCommands) {
    const Answer answer = ask(request_line(command.name, arguments_for(command)), false);
    EXPECT_EQ(code_of(answer), command.changes ? "not_permitted" : "(ok)") << command.name;
  }
}

TEST(Protocol, ArgumentsAreExact) {
  for (const Command& command : kCommands) {
    Arguments more = arguments_for(command);
    more["more"] = "1";
    EXPECT_EQ(code_of(ask(request_line(command.name, more))), "bad_request") << command.name;
    if (std::ranges::any_of(command.takes(), [](const Argument& argument) {
          return argument.kind == Takes::value;
        })) {
      EXPECT_EQ(code_of(ask(request_line(command.name, {}))), "bad_request") << command.name;
    }
  }
  const Answer missing = ask(R"({"command":"rekey"})");
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(missing.error().error, HasSubstr("'rekey' needs 'peer': INTERFACE/NAME"));
}

TEST(Protocol, NonsenseIsRefused) {
  for (const char* request :
       {"", "{", "[]", "7", "null", "\"status\"", "{}", R"({"command":7})", R"({"command":null})",
        R"({"command":"status","arguments":[]})", R"({"command":"status","arguments":"x"})",
        R"({"command":"rekey","arguments":{"peer":7}})",
        R"({"command":"rekey","arguments":{"peer":{"peer":"x"}}})",
        R"({"command":"rekey","arguments":{"PEER":"x"}})", "{\"command\":\"\xff\xfe\"}"}) {
    EXPECT_EQ(code_of(ask(request)), "bad_request") << request;
  }
  EXPECT_EQ(code_of(ask(R"({"command":"show"})")), "unknown_command");
  EXPECT_EQ(code_of(ask(R"({"command":"STATUS"})")), "unknown_command");
}

TEST(Protocol, DeepNestingCostsNoStack) {
  constexpr std::size_t kDepth = 1U << 20;
  std::string request = R"({"command":"status","arguments":{"x":)";
  request += std::string(kDepth, '[') + std::string(kDepth, ']') + "}}";
  EXPECT_EQ(code_of(ask(request)), "bad_request");
}

TEST(Protocol, WhatIsNotUtf8IsReplaced) {
  Handlers handlers;
  handlers["status"] = at_once([](const Arguments&) -> Answer { return json{{"text", "a\xff"}}; });
  const Answer answer = parse_answer(answered(R"({"command":"status"})", handlers, true));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ((*answer)["text"], "a\xef\xbf\xbd");
}

TEST(Protocol, AnswersThatMakeNoSenseAreFailures) {
  for (const char* line : {"", "x", "[]", "{}", R"({"ok":1})"}) {
    EXPECT_EQ(code_of(parse_answer(line)), "bad_answer") << line;
  }
  EXPECT_TRUE(parse_answer(R"({"ok":true})").has_value());
}

TEST(Commands, AreNamedOnceAndExplained) {
  std::set<std::string_view> names;
  for (const Command& command : kCommands) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_FALSE(command.help.empty());
    for (const Argument& argument : command.takes()) {
      EXPECT_FALSE(argument.name.empty());
      EXPECT_FALSE(argument.help.empty());
    }
  }
}

TEST(Commands, LogNamesEverySubsystemAndLevel) {
  const Command& command = *find_command("log");
  for (int i = 0; i < static_cast<int>(log::Subsystem::count); ++i) {
    EXPECT_THAT(std::string(command.arguments[0].help),
                HasSubstr(std::string(log::name(static_cast<log::Subsystem>(i)))));
  }
  for (const auto level : {log::Level::debug, log::Level::info, log::Level::warning,
                           log::Level::error, log::Level::off}) {
    EXPECT_THAT(std::string(command.arguments[1].help), HasSubstr(std::string(log::name(level))));
  }
}

class PeerNames : public testing::Test {
 protected:
  [[nodiscard]] std::string find(std::string_view wanted) const {
    const auto found = find_peer(peers_, wanted);
    return found ? found->full() : found.error().code + ": " + found.error().error;
  }

  std::vector<PeerName> peers_{{"wg0", "a", 1}, {"wg0", "b", 2}, {"wg1", "b", 3}};
};

TEST_F(PeerNames, AreShortWhereThatIsEnough) {
  EXPECT_EQ(find("a"), "wg0/a");
  EXPECT_EQ(find("wg0/a"), "wg0/a");
  EXPECT_EQ(find("wg1/b"), "wg1/b");
  EXPECT_EQ(find_peer(peers_, "wg1/b")->number, 3U);
}

TEST_F(PeerNames, ThatAreAmbiguousAreListed) {
  EXPECT_EQ(find("b"), "ambiguous_peer: 'b' may be any of wg0/b, wg1/b: write one of these");
}

TEST_F(PeerNames, ThatAreUnknownAreAnsweredWithTheKnown) {
  EXPECT_EQ(find("c"), "unknown_peer: there is no peer 'c': peers are wg0/a, wg0/b, wg1/b");
  EXPECT_THAT(find("wg1/a"), HasSubstr("unknown_peer"));
  EXPECT_THAT(find(""), HasSubstr("unknown_peer"));
  peers_.resize(100, {"wg2", "x", 4});
  EXPECT_THAT(find("c"), testing::EndsWith("wg2/x and 92 more"));
  peers_.clear();
  EXPECT_EQ(find("c"), "unknown_peer: there is no peer 'c': there are none at all");
}

}  // namespace
}  // namespace gotthard::mgmt
