#include "control/mgmt/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "base/log.h"

namespace gotthard::mgmt {

Language operator_language(Handlers handlers) {
  return {.end = "\n",
          .longest_request = kMaxRequest,
          .answer =
              [handlers = std::move(handlers)](std::string_view request, Language::Reply reply) {
                answer_line(request, handlers, /*may_write=*/true,
                            [reply = std::move(reply)](std::string_view line) {
                              reply(crypto::SecretString(line));
                            });
              },
          .refusal = [](const Failure& why) { return crypto::SecretString(failure_line(why)); }};
}

Server::Server(int listener, uid_t owner, Language language, Watching watching)
    : listener_(listener),
      owner_(owner),
      language_(std::move(language)),
      watching_(std::move(watching)),
      self_(std::make_shared<Server*>(this)) {
  watching_.watch(listener_, [this] { accept_client(); });
}

Server::~Server() {
  for (const auto& [fd, client] : clients_) {
    watching_.unwatch(fd);
  }
  watching_.unwatch(listener_);
}

void Server::accept_client() {
  UniqueFd fd(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) {
    return;
  }
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  const bool known = getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
  const bool permitted = known && (credentials.uid == 0 || credentials.uid == owner_);
  if (!permitted || clients_.size() == kMaxClients) {
    log::event(log::Level::warning, log::Subsystem::management, "client_refused",
               {{"uid", credentials.uid}, {"clients", clients_.size()}});
    const crypto::SecretString why =
        language_.refusal(permitted ? Failure{"busy", "too many operators ask at once: try again"}
                                    : Failure{"not_permitted", "only root may ask: use sudo"});
    (void)!send(fd.get(), why.data(), why.size(), MSG_NOSIGNAL);
    return;
  }
  const int number = fd.get();
  clients_[number] = Client{
      .fd = std::move(fd), .in = {}, .out = {}, .last = boottime_now(), .number = ++last_number_};
  watching_.watch(number, [this, number] { on_readable(number); });
}

void Server::on_readable(int fd) {
  Client& client = clients_.at(fd);
  std::array<char, 64 << 10> buffer;
  const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
  if (size <= 0) {
    if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
      drop(fd);
    }
    return;
  }
  client.in.append(buffer.data(), static_cast<std::size_t>(size));
  crypto::wipe(std::as_writable_bytes(std::span(buffer).first(static_cast<std::size_t>(size))));
  answer_next(fd, &client);
}

// One request a turn: the next is looked at when this answer is on its way. Until then nothing is
// read, so a client that only asks fills its own socket.
bool Server::answer_next(int fd, Client* client) {
  const auto end = client->in.find(language_.end, client->searched);
  const std::size_t size = end == std::string::npos ? client->in.size() : end;
  client->searched = size - std::min(size, language_.end.size() - 1);
  if (size > language_.longest_request) {
    client->in.clear();
    client->ending = true;
    client->waiting = true;
    take_answer(fd, client->number,
                language_.refusal({"bad_request", fmt::format("a request has at most {} bytes",
                                                              language_.longest_request)}));
    return true;
  }
  if (end == std::string::npos) {
    return false;
  }
  ask(fd, client, end);
  return true;
}

void Server::ask(int fd, Client* client, std::size_t request_size) {
  const crypto::SecretString request = client->in.substr(0, request_size);
  client->in.erase(0, request_size + language_.end.size());
  client->searched = 0;
  client->waiting = true;
  watching_.unwatch(fd);
  language_.answer(request, [self = std::weak_ptr<Server*>(self_), fd,
                             number = client->number](crypto::SecretString answer) {
    if (const auto server = self.lock()) {
      (*server)->take_answer(fd, number, std::move(answer));
    }
  });
}

void Server::take_answer(int fd, std::uint64_t number, crypto::SecretString answer) {
  const auto client = clients_.find(fd);
  if (client == clients_.end() || client->second.number != number || !client->second.waiting) {
    return;
  }
  client->second.waiting = false;
  client->second.out = std::move(answer);
  client->second.last = boottime_now();
  watching_.watch_writable(fd, [this, fd] { on_writable(fd); });
}

void Server::on_writable(int fd) {
  Client& client = clients_.at(fd);
  const ssize_t size = send(fd, client.out.data(), client.out.size(), MSG_NOSIGNAL);
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) {
      drop(fd);
    }
    return;
  }
  client.last = boottime_now();
  client.out.erase(0, static_cast<std::size_t>(size));
  if (!client.out.empty()) {
    return;
  }
  if (client.ending) {
    drop(fd);
  } else if (!answer_next(fd, &client)) {
    watching_.watch(fd, [this, fd] { on_readable(fd); });
  }
}

void Server::drop(int fd) {
  watching_.unwatch(fd);
  clients_.erase(fd);
}

void Server::on_time(Nanoseconds now) {
  std::vector<int> idle;
  for (const auto& [fd, client] : clients_) {
    if (!client.waiting && now - client.last > kPatience) {
      idle.push_back(fd);
    }
  }
  for (const int fd : idle) {
    drop(fd);
  }
}

}  // namespace gotthard::mgmt
