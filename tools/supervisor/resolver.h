// Names to addresses, in a child of its own for each question: what name servers answer is parsed
// without privileges and without our descriptors.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "control/broker/message.h"
#include "tools/supervisor/event_loop.h"
#include "tools/supervisor/privileges.h"
#include "tools/supervisor/process.h"
#include "tools/supervisor/rate_limit.h"

namespace gotthard::supervisor {

class Resolver {
 public:
  static constexpr std::size_t kMostAtOnce = 8;
  static constexpr Nanoseconds kTimeout = 10 * kSecond;

  using Answered = std::function<void(const broker::NameResolved&)>;

  Resolver(EventLoop& loop, User user) : loop_(loop), user_(std::move(user)) {}
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `answered` is called once, at once or later.
  void resolve(const std::string& name, Answered answered);
  // Nobody waits for the answers any more.
  void forget_all();

 private:
  struct Question {
    Process process;
    UniqueFd answer;  // from the child
    EventLoop::TimerId timeout = 0;
    Answered answered;
  };
  void finish(int fd, bool in_time);

  EventLoop& loop_;
  User user_;
  RateLimit rate_{5, 20};
  std::map<int, Question> questions_;  // by `answer`
};

}  // namespace gotthard::supervisor
