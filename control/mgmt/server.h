// A local socket: a few clients at a time, a request and its answer after each other, in whatever
// language is spoken there. Driven by the reactor.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
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
  using Reply = std::function<void(crypto::SecretString)>;
  // The request without its end. Called back once, at once or later, also when the client is gone.
  std::function<void(std::string_view request, Reply reply)> answer;
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
    bool ending = false;   // after this answer
    bool waiting = false;  // for the answer
    std::uint64_t number = 0;
  };

  void accept_client();
  void on_readable(int fd);
  // False: there is no whole request yet.
  bool answer_next(int fd, Client* client);
  void ask(int fd, Client* client, std::size_t request_size);
  void take_answer(int fd, std::uint64_t number, crypto::SecretString answer);
  void on_writable(int fd);
  void drop(int fd);

  int listener_;
  uid_t owner_;
  Language language_;
  Watching watching_;
  std::map<int, Client> clients_;
  std::uint64_t last_number_ = 0;  // descriptors are used again, clients' numbers are not
  std::shared_ptr<Server*> self_;  // for answers that come later than our end
};

}  // namespace gotthard::mgmt
