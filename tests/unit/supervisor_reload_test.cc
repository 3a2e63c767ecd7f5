// The supervisor's part of a reload, with a control that says what the test wants.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/supervisor/reload.h"

namespace gotthard::supervisor {
namespace {

using broker::Outcome;
using broker::ReloadMode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ReloadTest : public testing::Test {
 protected:
  ReloadTest() : loop_(std::move(*EventLoop::make())), reload_(plan("first"), links()) {}

  static Plan plan(const std::string& text) {
    Plan made;
    made.text = text;
    return made;
  }
  Reload::Links links() {
    return {.loop = &loop_,
            .read = [this]() -> Result<Plan> {
              return file_.empty() ? Result<Plan>(fail("line 7 is wrong")) : plan(file_);
            },
            .control_ready = [this] { return control_ready_; },
            .give =
                [this](const Plan& given, std::uint64_t id, ReloadMode mode) {
                  given_.push_back(given.text + " " + std::to_string(id) +
                                   (mode == ReloadMode::apply ? " apply" : " compare"));
                  return Status();
                },
            .follow =
                [this](const Plan& followed) {
                  followed_.push_back(followed.text);
                  return Status();
                },
            .answer =
                [this](const broker::Notice& notice) {
                  const auto& answer = std::get<broker::Answer>(notice.body);
                  answers_.push_back(answer.outcome == Outcome::done
                                         ? "done"
                                         : std::string(broker::view(answer.reason)));
                },
            .restart_control = [this] { ++restarts_; }};
  }
  void ask(std::uint64_t id, const broker::RequestBody& body) {
    ASSERT_TRUE(reload_.handle({id, body}));
  }
  void apply(const std::string& text, std::uint32_t confirm_seconds = 0) {
    file_ = text;
    const std::uint64_t id = ++id_;
    ask(id, broker::Reload{ReloadMode::apply, confirm_seconds});
    ask(++id_, broker::Reloaded{.configuration = id, .done = 1});
  }
  // Until what was to be confirmed has come back.
  void wait_for(const std::string& text) {
    ASSERT_TRUE(loop_.run_until([&] { return reload_.plan().text == text; }));
  }

  EventLoop loop_;
  std::string file_ = "second";
  bool control_ready_ = true;
  std::vector<std::string> given_, followed_, answers_;
  int restarts_ = 0;
  std::uint64_t id_ = 10;
  Reload reload_;
};

TEST_F(ReloadTest, WhatControlAppliesIsInForceAndTheHostFollows) {
  ask(3, broker::Reload{});
  EXPECT_EQ(reload_.plan().text, "first") << "control has not said so yet";
  EXPECT_THAT(given_, ElementsAre("second 3 apply"));
  ask(4, broker::Reloaded{.configuration = 3, .done = 1});
  EXPECT_EQ(reload_.plan().text, "second");
  EXPECT_THAT(followed_, ElementsAre("second"));
  EXPECT_THAT(answers_, ElementsAre("done"));
}

TEST_F(ReloadTest, WhatControlRefusesOrOnlyComparesIsNot) {
  ask(3, broker::Reload{});
  ask(4, broker::Reloaded{.configuration = 3, .done = 0});
  ask(5, broker::Reload{.mode = ReloadMode::compare});
  ask(6, broker::Reloaded{.configuration = 5, .done = 1});
  EXPECT_EQ(reload_.plan().text, "first");
  EXPECT_THAT(followed_, IsEmpty());
}

TEST_F(ReloadTest, RefusesWithAReason) {
  file_ = "";
  ask(1, broker::Reload{});
  EXPECT_THAT(answers_.back(), HasSubstr("line 7"));
  file_ = "second";
  control_ready_ = false;
  ask(2, broker::Reload{});
  EXPECT_THAT(answers_.back(), HasSubstr("starting"));
  control_ready_ = true;
  ask(3, broker::Reload{});
  ask(4, broker::Reload{});
  EXPECT_THAT(answers_.back(), HasSubstr("another reload"));
  ask(5, broker::Reloaded{.configuration = 4, .done = 1});
  EXPECT_THAT(answers_.back(), HasSubstr("no such reload"));
  ask(6, broker::Confirm{});
  EXPECT_THAT(answers_.back(), HasSubstr("nothing to confirm"));
  EXPECT_EQ(reload_.plan().text, "first");
  EXPECT_FALSE(reload_.handle({7, broker::Ready{}})) << "somebody else's";
}

TEST_F(ReloadTest, AControlThatEndsMeanwhileStartsWithTheLast) {
  ask(3, broker::Reload{});
  reload_.on_control_gone();
  EXPECT_EQ(reload_.plan().text, "first");
  ask(4, broker::Reloaded{.configuration = 3, .done = 1});
  EXPECT_EQ(reload_.plan().text, "first") << "a word of the dead";
  apply("third");
  EXPECT_EQ(reload_.plan().text, "third");
}

TEST_F(ReloadTest, WithoutAConfirmationTheLastComesBack) {
  apply("second", 1);
  EXPECT_EQ(reload_.plan().text, "second");
  ask(30, broker::Reload{});
  EXPECT_THAT(answers_.back(), HasSubstr("taken back in"));
  ask(31, broker::Reload{.mode = ReloadMode::difference});
  wait_for("first");
  EXPECT_THAT(followed_, ElementsAre("second", "first"));
  EXPECT_EQ(given_.back(), "first 0 apply");
  ask(40, broker::Reloaded{.configuration = 0, .done = 1});
  EXPECT_EQ(answers_.back(), "done");
  EXPECT_EQ(restarts_, 0);
  apply("third");
  EXPECT_EQ(reload_.plan().text, "third");
}

TEST_F(ReloadTest, WithAConfirmationItStays) {
  apply("second", 1);
  ask(30, broker::Confirm{});
  EXPECT_EQ(answers_.back(), "done");
  bool passed = false;
  loop_.after(1500 * kMillisecond, [&] { passed = true; });
  ASSERT_TRUE(loop_.run_until([&] { return passed; }));
  EXPECT_EQ(reload_.plan().text, "second");
  EXPECT_THAT(followed_, ElementsAre("second"));
}

TEST_F(ReloadTest, ComesBackWhateverControlDoes) {
  apply("second", 1);
  control_ready_ = false;
  wait_for("first");
  EXPECT_EQ(restarts_, 1) << "it may have been given the other";
  control_ready_ = true;
  apply("second", 1);
  wait_for("first");
  ask(50, broker::Reloaded{.configuration = 0, .done = 0});
  EXPECT_EQ(restarts_, 2) << "it would not go back";
}

}  // namespace
}  // namespace gotthard::supervisor
