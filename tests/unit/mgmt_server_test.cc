// The server as control runs it, on its reactor, and the CLI's end in the same process.
#include "control/mgmt/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "control/reactor.h"
#include "tests/unit/in_child.h"
#include "tools/cli/client.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/lifecycle.h"

namespace gotthard::mgmt {
namespace {

using control::Reactor;
using testing::HasSubstr;

constexpr std::size_t kLarge = 8U << 20;  // more than any socket holds

// "confirm" is answered when `later` is.
Handlers handlers(const std::atomic<bool>* ready, std::vector<Reply>* later) {
  return {
      {"status", at_once([ready](const Arguments&) -> Answer {
         return json{{"ready", ready->load()}, {"missing", ready->load() ? "" : "a data plane"}};
       })},
      {"show drops",
       at_once([](const Arguments&) -> Answer { return json(std::string(kLarge, 'x')); })},
      {"confirm", [later](const Arguments&, Reply reply) { later->push_back(std::move(reply)); }},
      {"rekey", at_once([](const Arguments& arguments) -> Answer {
         return tl::unexpected(Failure{"unknown_peer", "no '" + arguments.at("peer") + "'"});
       })}};
}

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/gotthard-mgmt-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    listener_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un address = socket_address();
    ASSERT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    ASSERT_EQ(listen(listener_.get(), 64), 0);
    thread_ = std::thread([this] { serve(); });
  }
  void TearDown() override {
    stop_ = true;
    thread_.join();
    std::filesystem::remove_all(directory_);
  }

  void serve() {
    auto reactor = Reactor::create();
    ASSERT_TRUE(reactor.has_value());
    std::vector<Reply> waiting;
    Server server(listener_.get(), getuid(), operator_language(handlers(&ready_, &waiting)),
                  {.watch = [&](int fd, Reactor::Callback r) { (void)reactor->watch(fd, r); },
                   .watch_writable =
                       [&](int fd, Reactor::Callback w) { (void)reactor->watch_writable(fd, w); },
                   .unwatch = [&](int fd) { reactor->unwatch(fd); }});
    reactor->every(5 * kMillisecond, [&] {
      server.on_time(boottime_now() + later_);
      asked_ = waiting.size();
      if (release_) {
        std::ranges::for_each(waiting, [](const Reply& reply) { reply(json("at last")); });
        waiting.clear();
      }
      if (stop_) {
        reactor->stop();
      }
    });
    reactor->each_turn([&] { ++turns_; });
    ASSERT_TRUE(reactor->run().has_value());
  }

  [[nodiscard]] sockaddr_un socket_address() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (directory_ + "/control.sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
    return address;
  }
  [[nodiscard]] UniqueFd connected() const {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    const sockaddr_un address = socket_address();
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }
  static void say(const UniqueFd& fd, std::string_view text) {
    EXPECT_EQ(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // Up to the newline; what came before the end when there is none.
  static std::string line(const UniqueFd& fd) {
    std::string text;
    char c = 0;
    while (recv(fd.get(), &c, 1, 0) == 1 && c != '\n') {
      text += c;
    }
    return text;
  }
  static std::string code(const std::string& answer) {
    const Answer parsed = parse_answer(answer);
    return parsed ? "(ok)" : parsed.error().code;
  }
  static bool ended(const UniqueFd& fd) {
    char c = 0;
    return recv(fd.get(), &c, 1, 0) <= 0;
  }

  static constexpr std::string_view kStatus = "{\"command\":\"status\"}\n";
  static constexpr std::string_view kConfirm = "{\"command\":\"confirm\"}\n";
  static constexpr std::string_view kDrops = "{\"command\":\"show drops\"}\n";

  std::string directory_;
  UniqueFd listener_;
  std::atomic<bool> ready_ = true;
  std::atomic<bool> stop_ = false;
  std::atomic<Nanoseconds> later_ = 0;
  std::atomic<std::size_t> asked_ = 0;
  std::atomic<bool> release_ = false;
  std::atomic<std::uint64_t> turns_ = 0;
  std::thread thread_;
};

TEST_F(ServerTest, AnswersTheCli) {
  const Answer status = cli::ask(directory_, "status", {});
  ASSERT_TRUE(status.has_value()) << status.error().error;
  EXPECT_EQ((*status)["ready"], true);
  const Answer rekey = cli::ask(directory_, "rekey", {{"peer", "wg0/x"}});
  ASSERT_FALSE(rekey.has_value());
  EXPECT_EQ(rekey.error().code, "unknown_peer");
  EXPECT_EQ(rekey.error().error, "no 'wg0/x'");
  const Answer large = cli::ask(directory_, "show drops", {});
  ASSERT_TRUE(large.has_value()) << large.error().error;
  EXPECT_EQ(large->get_ref<const std::string&>().size(), kLarge);
}

TEST_F(ServerTest, WaitTellsReadyFromNotReadyFromNotThere) {
  EXPECT_EQ(cli::wait_until_ready(directory_, 5, false), cli::kOk);
  ready_ = false;
  EXPECT_EQ(cli::wait_until_ready(directory_, 0.1, false), cli::kTimeout);
  EXPECT_EQ(cli::wait_until_ready(directory_ + "/none", 0.1, false), cli::kNotRunning);
  EXPECT_EQ(cli::take_down(directory_ + "/none", directory_ + "/none", 0.1, false),
            cli::kNotRunning);
}

TEST_F(ServerTest, TakesRequestsInPiecesAndSeveralAtOnce) {
  const UniqueFd client = connected();
  for (const char c : kStatus) {
    say(client, std::string_view(&c, 1));
  }
  EXPECT_EQ(code(line(client)), "(ok)");
  say(client, std::string(kStatus) + "nonsense\n" + std::string(kStatus));
  EXPECT_EQ(code(line(client)), "(ok)");
  EXPECT_EQ(code(line(client)), "bad_request");
  EXPECT_EQ(code(line(client)), "(ok)");
}

TEST_F(ServerTest, AnswersWhoSaysNothingMore) {
  const UniqueFd client = connected();
  say(client, kStatus);
  shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(code(line(client)), "(ok)");
  EXPECT_TRUE(ended(client));
}

TEST_F(ServerTest, AnAnswerMayComeLaterAndOthersAreAnsweredMeanwhile) {
  const UniqueFd patient = connected();
  say(patient, std::string(kConfirm) + std::string(kStatus));
  const UniqueFd gone = connected();
  say(gone, kConfirm);
  const UniqueFd other = connected();
  say(other, kStatus);
  EXPECT_EQ(code(line(other)), "(ok)");
  while (asked_ < 2) {
    std::this_thread::yield();
  }
  // Not idle: it is us who are late.
  later_ = 2 * Server::kPatience;
  EXPECT_TRUE(ended(other));
  later_ = 0;
  shutdown(gone.get(), SHUT_RDWR);
  release_ = true;
  EXPECT_EQ(line(patient), R"({"ok":true,"result":"at last"})");
  EXPECT_EQ(code(line(patient)), "(ok)") << "what was asked behind it";
}

TEST_F(ServerTest, RefusesWhatIsTooLong) {
  for (const char* end : {"", "\n"}) {
    const UniqueFd client = connected();
    say(client, std::string(kMaxRequest + 1, 'x') + end);
    EXPECT_EQ(code(line(client)), "bad_request");
    EXPECT_TRUE(ended(client));
  }
}

TEST_F(ServerTest, HasRoomForAFewClients) {
  std::vector<UniqueFd> clients;
  for (std::size_t i = 0; i < Server::kMaxClients; ++i) {
    clients.push_back(connected());
    say(clients.back(), kStatus);
    EXPECT_EQ(code(line(clients.back())), "(ok)");
  }
  const UniqueFd more = connected();
  EXPECT_EQ(code(line(more)), "busy");
  EXPECT_TRUE(ended(more));
  const Answer refused = cli::ask(directory_, "status", {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, "busy");
  // Those who say nothing make room.
  later_ = Server::kPatience;
  EXPECT_TRUE(ended(clients.front()));
}

TEST_F(ServerTest, WhoDribblesIsDropped) {
  const UniqueFd client = connected();
  const Nanoseconds step = Server::kPatience / 4;
  bool dropped = false;
  for (int i = 0; i < 8 && !dropped; ++i) {
    dropped = send(client.get(), "x", 1, MSG_NOSIGNAL) != 1;
    later_ += step;
    const std::uint64_t turns = turns_;
    while (turns_ < turns + 2) {
      std::this_thread::yield();
    }
  }
  EXPECT_TRUE(dropped);
}

TEST_F(ServerTest, WhoOnlyAsksCostsNothingAndIsDropped) {
  const UniqueFd client = connected();
  say(client, kDrops);
  say(client, std::string(kDrops) + std::string(kStatus));
  pollfd readable{.fd = client.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&readable, 1, 20'000), 1);  // the answer has begun, and is not taken
  const UniqueFd other = connected();
  say(other, kStatus);
  EXPECT_EQ(code(line(other)), "(ok)");
  const std::uint64_t before = turns_;
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(turns_ - before, 100U);  // its timer alone: 40
  later_ = Server::kPatience;
  const std::string rest = line(client);
  EXPECT_LT(rest.size(), kLarge);
  EXPECT_TRUE(ended(client));
}

TEST_F(ServerTest, WhoGoesAwayAmidAnAnswerIsForgotten) {
  for (int i = 0; i < 4; ++i) {
    const UniqueFd client = connected();
    say(client, kDrops);
  }
  EXPECT_TRUE(cli::ask(directory_, "status", {}).has_value());
}

TEST_F(ServerTest, OthersThanRootAreTurnedAway) {
  ASSERT_EQ(getuid(), 0U) << "run the tests as root";
  chmod(directory_.c_str(), 0755);
  chmod((directory_ + "/control.sock").c_str(), 0666);
  in_child([&](Complaints& complaints) {
    if (setgid(65534) != 0 || setuid(65534) != 0) {
      complaints.expect(false, "cannot become nobody");
      return;
    }
    const Answer answer = cli::ask(directory_, "status", {});
    complaints.expect(!answer && answer.error().code == "not_permitted",
                      answer ? "answered" : answer.error().code);
  });
}

}  // namespace
}  // namespace gotthard::mgmt
