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
    const std::string why =
        permitted ? failure_line({"busy", "too many operators ask at once: try again"})
                  : failure_line({"not_permitted", "only root may ask the gateway: use sudo"});
    (void)!send(fd.get(), why.data(), why.size(), MSG_NOSIGNAL);
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
  client.in.append(buffer.data(), static_cast<std::size_t>(size));
  answer_next(fd, &client);
}

// One request a turn: the next is looked at when this answer is on its way. Until then nothing is
// read, so a client that only asks fills its own socket.
bool Server::answer_next(int fd, Client* client) {
  const auto newline = client->in.find('\n');
  const std::size_t size = newline == std::string::npos ? client->in.size() : newline;
  if (size > kMaxRequest) {
    client->out =
        failure_line({"bad_request", fmt::format("a request has at most {} bytes", kMaxRequest)});
    client->in.clear();
    client->ending = true;
  } else if (newline == std::string::npos) {
    return false;
  } else {
    client->out =
        answer_line(std::string_view(client->in).substr(0, newline), handlers_, /*may_write=*/true);
    client->in.erase(0, newline + 1);
  }
  client->last = boottime_now();
  watching_.watch_writable(fd, [this, fd] { on_writable(fd); });
  return true;
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
    if (now - client.last > kPatience) {
      idle.push_back(fd);
    }
  }
  for (const int fd : idle) {
    drop(fd);
  }
}

}  // namespace gotthard::mgmt
