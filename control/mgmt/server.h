// A local socket: a few clients at a time, a request and its answer after each other, in whatever
// language is spoken there. Driven by the reactor.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "control/mgmt/protocol.h"
#include "crypto/secret_string.h"

namespace gotthard::mgmt {

// What is spoken at a socket.
struct Language {
  std::string_view end;  // of a request
  std::size_t longest_request = 0;
  std::function<crypto::SecretString(std::string_view request)> answer;  // without its end
  std::function<crypto::SecretString(const Failure& failure)> refusal;
};

// That of `gotthard`'s verbs (protocol.h).
[[nodiscard]] Language operator_language(Handlers handlers);

class Server {
 public:
  // What the reactor does for it.
  struct Watching {
    std::function<void(int fd, std::function<void()> readable)> watch;
    // Instead of watch(): until the next of them.
    std::function<void(int fd, std::function<void()> writable)> watch_writable;
    std::function<void(int fd)> unwatch;
  };

  // `owner` may do what root may; everybody else is turned away.
  Server(int listener, uid_t owner, Language language, Watching watching);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Drops clients that have neither ended a request nor taken anything of an answer for a while.
  void on_time(Nanoseconds now);

  static constexpr std::size_t kMaxClients = 32;
  static constexpr Nanoseconds kPatience = 10 * kSecond;

 private:
  struct Client {
    UniqueFd fd;
    crypto::SecretString in;
    std::size_t searched = 0;  // of `in`, for the end of a request
    crypto::SecretString out;
    Nanoseconds last = 0;
    bool ending = false;  // after this answer
  };

  void accept_client();
  void on_readable(int fd);
  // False: there is no whole request yet.
  bool answer_next(int fd, Client* client);
  void on_writable(int fd);
  void drop(int fd);

  int listener_;
  uid_t owner_;
  Language language_;
  Watching watching_;
  std::map<int, Client> clients_;
};

}  // namespace gotthard::mgmt
