#include "tools/supervisor/resolver.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>

namespace gotthard::supervisor {
namespace {

using broker::NameResolved;
using broker::Outcome;

NameResolved failed(Outcome outcome, std::string_view why) {
  NameResolved resolved;
  resolved.outcome = outcome;
  resolved.reason = broker::to_text<broker::kMaxReasonText>(why);
  return resolved;
}

abi::Address to_address(const addrinfo& info) {
  abi::Address address;
  if (info.ai_family == AF_INET) {
    address.family = abi::Family::ipv4;
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in*>(info.ai_addr)->sin_addr,
                4);
  } else {
    address.family = abi::Family::ipv6;
    std::memcpy(address.bytes.data(),
                &reinterpret_cast<const sockaddr_in6*>(info.ai_addr)->sin6_addr, 16);
  }
  return address;
}

// In the child.
NameResolved ask(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* list = nullptr;
  if (const int code = getaddrinfo(name.c_str(), nullptr, &hints, &list); code != 0) {
    return failed(Outcome::failed, gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
  NameResolved resolved;
  for (const addrinfo* info = list; info != nullptr && resolved.count < broker::kMaxAddresses;
       info = info->ai_next) {
    if (info->ai_family == AF_INET || info->ai_family == AF_INET6) {
      resolved.addresses[resolved.count++] = to_address(*info);
    }
  }
  return resolved;
}

int answer_once(int fd, const std::string& name) {
  const auto bytes = broker::encode(broker::Notice{0, ask(name)});
  return write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) ? 0 : 1;
}

}  // namespace

Resolver::~Resolver() { forget_all(); }

void Resolver::forget_all() {
  for (auto& [fd, question] : questions_) {
    loop_.forget(fd);
    loop_.cancel(question.timeout);
    send_signal(question.process, SIGKILL);
    waitpid(question.process.pid, nullptr, 0);
  }
  questions_.clear();
}

void Resolver::resolve(const std::string& name, Answered answered) {
  if (questions_.size() >= kMostAtOnce || !rate_.allow(boottime_now())) {
    answered(failed(Outcome::rate_limited, "too many names were asked for: try again later"));
    return;
  }
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    answered(failed(Outcome::failed, "cannot make a pipe"));
    return;
  }
  Question question;
  question.answer = UniqueFd(ends[0]);
  UniqueFd child_end(ends[1]);
  auto process = fork_and_run(
      child_end.get(), [this] { return become(user_); },
      [&] { return answer_once(child_end.get(), name); });
  if (!process) {
    answered(failed(Outcome::failed, process.error().message));
    return;
  }
  const int fd = question.answer.get();
  question.process = std::move(*process);
  question.answered = std::move(answered);
  question.timeout = loop_.after(kTimeout, [this, fd] { finish(fd, false); });
  if (auto watched = loop_.watch(fd, [this, fd] { finish(fd, true); }); !watched) {
    question.answered(failed(Outcome::failed, watched.error().message));
    loop_.cancel(question.timeout);
    send_signal(question.process, SIGKILL);
    waitpid(question.process.pid, nullptr, 0);
    return;
  }
  questions_.emplace(fd, std::move(question));
}

void Resolver::finish(int fd, bool in_time) {
  auto node = questions_.extract(fd);
  if (node.empty()) {
    return;
  }
  Question& question = node.mapped();
  loop_.forget(fd);
  loop_.cancel(question.timeout);
  NameResolved resolved =
      failed(Outcome::failed, in_time ? "the resolver died" : "no name server answered in time");
  if (in_time) {
    // One write of less than PIPE_BUF comes whole. The child has read what the network sent, so its
    // message is checked like any other.
    std::array<std::byte, sizeof(NameResolved) + 16> bytes{};
    const ssize_t size = read(fd, bytes.data(), bytes.size());
    const auto notice =
        broker::decode_notice({bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0});
    const auto* body = notice ? std::get_if<NameResolved>(&notice->body) : nullptr;
    resolved = body != nullptr ? *body : resolved;
  }
  send_signal(question.process, SIGKILL);
  waitpid(question.process.pid, nullptr, 0);
  question.answered(resolved);
}

}  // namespace gotthard::supervisor
