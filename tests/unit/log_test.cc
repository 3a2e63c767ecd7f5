// What log lines look like, how many there are, and that nobody waits for who reads them.
#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"

namespace gotthard::log {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// Standard error is another descriptor as long as this lives.
class StandardError {
 public:
  explicit StandardError(int instead) : saved_(dup(STDERR_FILENO)) { dup2(instead, STDERR_FILENO); }
  ~StandardError() {
    dup2(saved_.get(), STDERR_FILENO);
    open("test", Format::logfmt);
  }
  StandardError(const StandardError&) = delete;
  StandardError& operator=(const StandardError&) = delete;

 private:
  UniqueFd saved_;
};

class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    reader_ = UniqueFd(ends[0]);
    writer_ = UniqueFd(ends[1]);
    fcntl(reader_.get(), F_SETFL, O_NONBLOCK);
  }
  [[nodiscard]] int writer() const { return writer_.get(); }
  // Until there is nothing more now.
  std::vector<std::string> lines() {
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t size = 0; (size = read(reader_.get(), part.data(), part.size())) > 0;) {
      text.append(part.data(), static_cast<std::size_t>(size));
    }
    std::vector<std::string> found;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
      found.push_back(line);
    }
    return found;
  }

 private:
  UniqueFd reader_, writer_;
};

std::vector<std::string> logged(Format format, const std::function<void()>& body) {
  Pipe pipe;
  const StandardError instead(pipe.writer());
  open("test", format);
  body();
  return pipe.lines();
}

// Each event has its own limit: a name that no other test has.
std::string fresh_name() {
  static int number = 0;
  return "event_" + std::to_string(++number);
}

// What ends a value early, breaks a line, steers a terminal, or is no UTF-8.
constexpr std::array<std::string_view, 8> kStrange = {
    "",          "two words",       "a=b",      "a\"b\\c",
    "a\nb\r\tc", "\x1b[2J\x07\x7f", "\xff\xfe", "gr\xc3\xbc\xc3\x9f\xc2\x9b"};

TEST(LogLines, OfJsonAreOneObjectEach) {
  for (const std::string_view value : kStrange) {
    const auto lines = logged(Format::json, [&] {
      event(Level::warning, Subsystem::route, fresh_name(),
            {{"text", value}, {"number", 7}, {"half", 0.5}, {"yes", true}});
    });
    ASSERT_EQ(lines.size(), 1U) << value;
    const json line = json::parse(lines[0], nullptr, false);
    ASSERT_TRUE(line.is_object()) << lines[0];
    EXPECT_EQ(line.at("level"), "warning");
    EXPECT_EQ(line.at("program"), "test");
    EXPECT_EQ(line.at("subsystem"), "route");
    EXPECT_EQ(line.at("number"), 7);
    EXPECT_EQ(line.at("half"), 0.5);
    EXPECT_EQ(line.at("yes"), true);
    if (value != "\xff\xfe") {
      EXPECT_EQ(line.at("text"), value);
    }
    EXPECT_THAT(line.at("time").get<std::string>(),
                testing::MatchesRegex("....-..-..T..:..:..\\....Z"));
  }
}

TEST(LogLines, OfLogfmtAreOneLineWhateverAValueHolds) {
  for (const std::string_view value : kStrange) {
    const auto lines = logged(Format::logfmt, [&] {
      event(Level::info, Subsystem::port, fresh_name(), {{"text", value}, {"last", 1}});
    });
    ASSERT_EQ(lines.size(), 1U) << value;
    EXPECT_THAT(lines[0], testing::EndsWith(" last=1"));
    for (const char c : lines[0]) {
      EXPECT_TRUE((c & 0x80) != 0 || (c >= ' ' && c != 0x7f)) << lines[0];
    }
    EXPECT_THAT(lines[0], Not(HasSubstr("\xc2\x9b"))) << "it steers terminals";
  }
  const auto plain = logged(Format::logfmt, [] {
    event(Level::error, Subsystem::control, "plain", {{"a", "b"}, {"c", "d e"}, {"f", "g=\"h\""}});
  });
  EXPECT_THAT(plain.at(0), HasSubstr("level=error program=test subsystem=control event=plain a=b "
                                     "c=\"d e\" f=\"g=\\\"h\\\"\""));
}

TEST(LogLines, AreThoseOfTheirSubsystemsLevel) {
  const auto lines = logged(Format::logfmt, [] {
    set_level(Subsystem::handshake, Level::debug);
    set_level(Subsystem::route, Level::off);
    event(Level::debug, Subsystem::handshake, "first");
    event(Level::debug, Subsystem::control, "second");
    event(Level::error, Subsystem::route, "third");
    set_level(Subsystem::handshake, Level::info);
    set_level(Subsystem::route, Level::info);
    event(Level::debug, Subsystem::handshake, "fourth");
    event(Level::error, Subsystem::route, "fifth");
  });
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr("event=first"));
  EXPECT_THAT(lines[1], HasSubstr("event=fifth"));
  EXPECT_FALSE(enabled(Level::debug, Subsystem::handshake));
}

TEST(LogLines, OfOneEventAreLimitedAndTheRestIsCounted) {
  const std::string name = fresh_name();
  const auto write = [&](int times) {
    return logged(Format::json, [&] {
      for (int i = 0; i < times; ++i) {
        event(Level::info, Subsystem::control, name);
      }
    });
  };
  EXPECT_EQ(write(kBurst + 13).size(), static_cast<std::size_t>(kBurst));
  // Others are not held back by it.
  EXPECT_EQ(
      logged(Format::json, [] { event(Level::info, Subsystem::control, fresh_name()); }).size(),
      1U);
  usleep(1'050'000);
  const auto later = write(2);
  ASSERT_EQ(later.size(), 2U);
  EXPECT_EQ(json::parse(later[0]).at("suppressed"), 13);
  EXPECT_FALSE(json::parse(later[1]).contains("suppressed"));
}

// More lines than a pipe has room for, and nobody reads.
void flood(int lines) {
  const std::string filler(200, 'x');
  for (int i = 0; i < lines; ++i) {
    event(Level::info, Subsystem::control, fresh_name(), {{"i", i}, {"filler", filler}});
  }
}

TEST(LogLines, NeverWaitForTheirReader) {
  constexpr int kLines = 2000;
  Pipe pipe;
  const StandardError instead(pipe.writer());
  open("test", Format::json);
  const std::uint64_t lost_before = lines_lost();
  const Nanoseconds begin = boottime_now();
  flood(kLines);
  EXPECT_LT(boottime_now() - begin, 5 * kSecond);
  const std::uint64_t lost = lines_lost() - lost_before;
  const auto first = pipe.lines();
  EXPECT_GT(first.size(), 100U) << "a pipe holds 64 KiB";
  EXPECT_EQ(first.size() + lost, static_cast<std::size_t>(kLines));
  for (const std::string& line : first) {
    EXPECT_TRUE(json::parse(line, nullptr, false).is_object()) << "cut: " << line;
  }
  // It reads again: what was lost is said once.
  event(Level::info, Subsystem::control, fresh_name());
  event(Level::info, Subsystem::control, fresh_name());
  const auto then = pipe.lines();
  ASSERT_EQ(then.size(), 2U);
  EXPECT_EQ(json::parse(then[0]).at("lost"), lost);
  EXPECT_FALSE(json::parse(then[1]).contains("lost"));
  EXPECT_EQ(fcntl(pipe.writer(), F_GETFL) & O_NONBLOCK, 0) << "others' end waits as before";
}

TEST(LogLines, NeverWaitForASocketsReaderNorCutALineInTwo) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  const StandardError instead(writer.get());
  open("test", Format::json);
  const std::uint64_t before = lines_lost();
  flood(6000);
  EXPECT_GT(lines_lost(), before);
  std::string text;
  std::array<char, 65536> part{};
  const auto drain = [&] {
    for (ssize_t size = 0;
         (size = recv(reader.get(), part.data(), part.size(), MSG_DONTWAIT)) > 0;) {
      text.append(part.data(), static_cast<std::size_t>(size));
    }
  };
  drain();
  event(Level::info, Subsystem::control, fresh_name());  // the rest of a line comes with the next
  drain();
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    EXPECT_TRUE(json::parse(line, nullptr, false).is_object()) << "cut: " << line;
  }
}

TEST(LogLines, AreLostWithoutAReader) {
  Pipe pipe;
  const StandardError instead(pipe.writer());
  open("test", Format::logfmt);
  const UniqueFd nobody(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  dup2(nobody.get(), STDERR_FILENO);
  open("test", Format::logfmt);
  const std::uint64_t before = lines_lost();
  event(Level::info, Subsystem::control, fresh_name());
  EXPECT_EQ(lines_lost(), before + 1);
}

}  // namespace
}  // namespace gotthard::log
