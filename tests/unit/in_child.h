// Runs a piece of a test in a process of its own: DPDK starts once a process, and privileges do not
// come back.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>

namespace gotthard {

// What went wrong in the child, a line each.
class Complaints {
 public:
  void expect(bool good, const std::string& text) {
    if (!good) {
      text_ += text + "\n";
    }
  }
  template <typename Outcome>
  bool expect_ok(const Outcome& outcome, const std::string& what) {
    expect(outcome.has_value(), what + ": " + (outcome ? "" : outcome.error().message));
    return outcome.has_value();
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

inline void in_child(const std::function<void(Complaints&)>& body) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(ends[0]);
    alarm(60);
    Complaints complaints;
    body(complaints);
    const std::string& text = complaints.text();
    const bool told = write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(told ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t size = 0; (size = read(ends[0], part.data(), part.size())) > 0;) {
    text.append(part.data(), static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(text, "");
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "child ended with " << status;
}

}  // namespace gotthard
