// Changes while it runs, with a supervisor that the test plays.
#include "control/live_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <set>

#include "tests/unit/control_sides.h"

namespace gotthard::control {
namespace {

using namespace test;
using broker::Answer;
using broker::Outcome;
using testing::ElementsAre;
using testing::IsEmpty;

config::Prefix net(std::uint8_t a, std::uint8_t b) {
  return {{abi::Family::ipv4, {10, a, b, 0}}, 24};
}

// What control has said, and the supervisor's answers to it.
struct Supervisor {
  std::optional<std::uint64_t> ask(const broker::RequestBody& request) {
    if (busy) {
      return std::nullopt;
    }
    // Each message must be one that it takes.
    EXPECT_TRUE(broker::decode_request(broker::encode(broker::Request{1, request})).has_value());
    asked.push_back({++id, request});
    return id;
  }
  // Answers the oldest question; false: there is none.
  bool answer(LiveChanges* changes, Outcome outcome = Outcome::done) {
    if (asked.empty()) {
      return false;
    }
    const auto [number, request] = asked.front();
    asked.pop_front();
    if (const auto* part = std::get_if<broker::TunnelPrefixes>(&request)) {
      if (part->whole != 0 && !std::exchange(begun, true)) {
        claimed.clear();
      }
      for (const auto& one : std::span(part->prefixes).first(part->count)) {
        const config::Prefix prefix{one.address, one.length};
        one.claimed != 0 ? (void)claimed.insert(prefix) : (void)claimed.erase(prefix);
      }
      begun = part->last == 0;
      ++parts;
    } else if (outcome == Outcome::done) {
      ports = std::get<broker::ListenPorts>(request).ranges[0];
    }
    EXPECT_TRUE(changes->on_answer(
        number, {.outcome = outcome, .reason = broker::to_text<broker::kMaxReasonText>("why")}));
    return true;
  }
  void answer_all(LiveChanges* changes) {
    while (answer(changes)) {
    }
  }

  struct Asked {
    std::uint64_t id = 0;
    broker::RequestBody body;
  };
  std::deque<Asked> asked;
  std::uint64_t id = 0;
  bool busy = false;
  bool begun = false;
  std::size_t parts = 0;
  std::set<config::Prefix> claimed;  // of the only tunnel
  broker::PortRange ports;
};

class LiveChangesTest : public TunnelsTest {
 protected:
  LiveChangesTest()
      : changes_({.tunnels = a_->control->tunnels.get(),
                  .ask = [this](const broker::RequestBody& r) { return supervisor_.ask(r); },
                  .when_heard = [this](auto heard) { kernel_(std::move(heard)); }}) {
    changes_.begin([](const LiveChanges::Result& told) { EXPECT_TRUE(told.has_value()); });
    supervisor_.answer_all(&changes_);
    EXPECT_EQ(supervisor_.ports, (broker::PortRange{51820, 1}));
  }
  LiveChanges::Change change_of(const std::string& name) {
    LiveChanges::Change change;
    change.tunnels.push_back({.interface = 0, .change = {}});
    change.with = [this, name] { happened_.push_back(name + " with"); };
    change.made = [this, name] { happened_.push_back(name + " made"); };
    change.done = [this, name](const LiveChanges::Result& result) {
      happened_.push_back(name + (result ? " done" : " " + std::to_string(result.error().error)));
    };
    return change;
  }
  LiveChanges::Change port(const std::string& name, std::uint16_t number) {
    auto change = change_of(name);
    change.tunnels[0].change.listen_port = number;
    return change;
  }
  LiveChanges::Change prefixes(const std::string& name, std::vector<config::Prefix> list) {
    auto change = change_of(name);
    PeerChange& peer = change.tunnels[0].change.peers.emplace_back();
    peer.public_key = crypto::public_key(private_key(3));
    peer.replace_allowed_ips = true;
    peer.allowed_ips = std::move(list);
    return change;
  }
  [[nodiscard]] std::uint16_t listen_port() const {
    return a_->control->tunnels->tunnels()[0].settings.listen_port;
  }

  Supervisor supervisor_;
  std::function<void(std::function<void()>)> kernel_ = [](const auto& heard) { heard(); };
  LiveChanges changes_;
  std::vector<std::string> happened_;
};

TEST_F(LiveChangesTest, ARouteIsThereBeforeItIsSaidToBe) {
  changes_.make(prefixes("a", {net(3, 0), net(3, 1)}));
  EXPECT_THAT(happened_, ElementsAre("a with", "a made"));
  ASSERT_EQ(supervisor_.asked.size(), 1U);
  supervisor_.answer_all(&changes_);
  EXPECT_THAT(happened_, ElementsAre("a with", "a made", "a done"));
  EXPECT_TRUE(supervisor_.claimed.contains(net(3, 1)));
  changes_.make(prefixes("b", {net(3, 1)}));
  supervisor_.answer_all(&changes_);
  EXPECT_FALSE(supervisor_.claimed.contains(net(3, 0))) << "what is claimed no more is said too";
  happened_.clear();
  changes_.make(prefixes("c", {net(3, 1)}));
  EXPECT_THAT(happened_, ElementsAre("c with", "c made", "c done")) << "nothing to say";
}

TEST_F(LiveChangesTest, AChangeIsDoneWhenTheHostsRoutesAreKnownHere) {
  std::vector<std::function<void()>> waiting;
  kernel_ = [&](std::function<void()> heard) { waiting.push_back(std::move(heard)); };
  changes_.make(prefixes("a", {net(3, 0)}));
  supervisor_.answer_all(&changes_);
  EXPECT_THAT(happened_, ElementsAre("a with", "a made"));
  ASSERT_EQ(waiting.size(), 1U);
  waiting[0]();
  EXPECT_THAT(happened_, ElementsAre("a with", "a made", "a done"));
}

TEST_F(LiveChangesTest, ManyPrefixesComeInPartsAndChangesMeanwhileAfterThem) {
  std::vector<config::Prefix> many;
  for (unsigned i = 0; i < 2 * broker::kPrefixesAPart + 1; ++i) {
    many.push_back(net(static_cast<std::uint8_t>(100 + i / 256), static_cast<std::uint8_t>(i)));
  }
  const std::size_t before = supervisor_.parts;
  changes_.make(prefixes("a", many));
  ASSERT_TRUE(supervisor_.answer(&changes_));
  changes_.make(prefixes("b", {net(3, 0)}));
  EXPECT_THAT(happened_, ElementsAre("a with", "a made", "b with", "b made"));
  supervisor_.answer_all(&changes_);
  EXPECT_EQ(happened_.at(4), "a done");
  EXPECT_EQ(happened_.at(5), "b done");
  EXPECT_EQ(supervisor_.parts - before, 7U) << "three to come, then one, and three to go";
  EXPECT_THAT(
      supervisor_.claimed,
      ElementsAre(a_->control->tunnels->allowed_ips(a_->control->peer().number)[0], net(3, 0)));
}

TEST_F(LiveChangesTest, WhatCannotBeAskedNowIsAskedLater) {
  supervisor_.busy = true;
  changes_.make(port("a", 4000));
  changes_.make(prefixes("b", {net(3, 0)}));
  changes_.on_tick();
  EXPECT_THAT(happened_, IsEmpty()) << "one after another";
  supervisor_.busy = false;
  changes_.on_tick();
  supervisor_.answer_all(&changes_);
  EXPECT_EQ(listen_port(), 4000);
  EXPECT_THAT(happened_, ElementsAre("a with", "a made", "a done", "b with", "b made", "b done"));
}

TEST_F(LiveChangesTest, APortThatTheHostUsesIsRefused) {
  changes_.make(port("a", 53));
  ASSERT_TRUE(supervisor_.answer(&changes_, Outcome::in_use));
  EXPECT_THAT(happened_, ElementsAre(std::to_string(EADDRINUSE).insert(0, "a ")));
  EXPECT_EQ(listen_port(), 51820);
  changes_.make(port("b", 4000));
  supervisor_.answer_all(&changes_);
  EXPECT_EQ(supervisor_.ports, (broker::PortRange{4000, 1})) << "and the next is looked at anew";
}

TEST_F(LiveChangesTest, AnyPortIsOneThatTheHostDoesNotUse) {
  changes_.make(port("a", 0));
  ASSERT_TRUE(supervisor_.answer(&changes_, Outcome::in_use));
  ASSERT_TRUE(supervisor_.answer(&changes_, Outcome::in_use));
  ASSERT_TRUE(supervisor_.answer(&changes_));
  EXPECT_GE(listen_port(), 32768);
  EXPECT_EQ(listen_port(), supervisor_.ports.first);
  EXPECT_EQ(happened_.back(), "a done");
  changes_.make(port("b", 0));
  for (int i = 0; i < 100 && supervisor_.answer(&changes_, Outcome::in_use); ++i) {
  }
  EXPECT_EQ(happened_.back(), "b " + std::to_string(EADDRINUSE)) << "not for ever";
}

TEST_F(LiveChangesTest, AHostThatDoesNotFollowIsTold) {
  changes_.make(prefixes("a", {net(3, 0)}));
  ASSERT_TRUE(supervisor_.answer(&changes_, Outcome::failed));
  EXPECT_THAT(happened_, ElementsAre("a with", "a made", "a " + std::to_string(EIO)));
  changes_.make(prefixes("b", {net(3, 1)}));
  supervisor_.answer_all(&changes_);
  EXPECT_EQ(happened_.back(), "b done");
}

TEST_F(LiveChangesTest, WhatIsRefusedIsAskedForNowhere) {
  auto change = port("a", 4000);
  change.tunnels[0].change.peers.emplace_back();  // a key of zeros
  changes_.make(std::move(change));
  EXPECT_THAT(happened_, ElementsAre("a " + std::to_string(EINVAL)));
  EXPECT_TRUE(supervisor_.asked.empty());
}

}  // namespace
}  // namespace gotthard::control
