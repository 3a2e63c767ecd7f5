#include "control/mgmt/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "base/log.h"

namespace gotthard::mgmt {

Server::Server(int listener, uid_t owner, Handlers handlers, Watching watching)
    : listener_(listener),
      owner_(owner),
      handlers_(std::move(handlers)),
      watching_(std::move(watching)) {
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
    return;
  }
  const int number = fd.get();
  clients_[number] = Client{.fd = std::move(fd), .in = {}, .out = {}, .last = boottime_now()};
  watching_.watch(number, [this, number] { on_readable(number); });
}

void Server::on_readable(int fd) {
  Client& client = clients_.at(fd);
  std::array<char, kMaxRequest> buffer;
  const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
  if (size <= 0) {
    if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
      drop(fd);
    }
    return;
  }
  client.last = boottime_now();
  client.in.append(buffer.data(), static_cast<std::size_t>(size));
  answer_next(fd, &client);
}

// One request at a time: the next is looked at when this answer is on its way.
void Server::answer_next(int fd, Client* client) {
  const auto newline = client->in.find('\n');
  if (newline == std::string::npos) {
    if (client->in.size() > kMaxRequest) {
      drop(fd);
    }
    return;
  }
  client->out =
      answer_line(std::string_view(client->in).substr(0, newline), handlers_, /*may_write=*/true);
  client->in.erase(0, newline + 1);
  // While the answer is written, what becomes readable can only be the end.
  watching_.watch_both(
      fd, [] {}, [this, fd] { on_writable(fd); });
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
  if (client.out.empty()) {
    watching_.watch(fd, [this, fd] { on_readable(fd); });
    answer_next(fd, &client);
  }
}

void Server::drop(int fd) {
  watching_.unwatch(fd);
  clients_.erase(fd);
}

void Server::on_time(Nanoseconds now) {
  std::vector<int> idle;
  for (const auto& [fd, client] : clients_) {
    if (now - client.last > kPatience) {
      idle.push_back(fd);
    }
  }
  for (const int fd : idle) {
    drop(fd);
  }
}

}  // namespace gotthard::mgmt
