// Paced UDP with sequence numbers, to count what a tunnel loses, doubles or reorders.
//   seqtraffic send ADDRESS PORT PACKETS_PER_SECOND SECONDS [SIZE [FLOWS]]   prints how many were
//   sent seqtraffic receive ADDRESS PORT SECONDS    prints JSON: total, received, lost, duplicated,
//   reordered, flows, gaps
// Flows differ by their source port and take turns; reordered are packets that a later one of their
// own flow has overtaken. SIGTERM ends a sender early: its last packets say how many there were.
// The receiver ends when nothing has come for seconds after the first packet, or in time. Lost are
// those missing of the total that packets carry; gaps are the first of them: [at, how many].
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

namespace {

struct Header {
  std::uint64_t sequence;
  std::uint64_t total;  // how many will have been sent in all, as far as is known
  std::uint64_t flows;  // packet n is of flow n mod flows
};

constexpr std::uint64_t kMostPackets = 100'000'000;
constexpr std::uint64_t kMostFlows = 1024;
constexpr int kSilence = 4000;  // ms; machines that are starved stop for more than a second

volatile std::sig_atomic_t ended = 0;

std::uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

addrinfo* resolve(const char* address, const char* port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* result = nullptr;
  if (getaddrinfo(address, port, &hints, &result) != 0) {
    std::fprintf(stderr, "seqtraffic: '%s' port '%s' is no address\n", address, port);
    std::exit(2);
  }
  return result;
}

int connected(const addrinfo* to) {
  const int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
    std::perror("seqtraffic: connect");
    std::exit(1);
  }
  return fd;
}

void wait_until(std::uint64_t due) {
  for (std::uint64_t now = now_ns(); now < due; now = now_ns()) {
    const timespec pause{.tv_sec = 0, .tv_nsec = static_cast<long>(due - now)};
    nanosleep(&pause, nullptr);
  }
}

int send_all(const addrinfo* to, double rate, double seconds, std::size_t size,
             std::uint64_t flows) {
  // Of those that say that it is over before its time, some may be lost.
  constexpr std::uint64_t kLast = 10;
  std::signal(SIGTERM, [](int) { ended = 1; });
  std::vector<int> sockets(flows);
  std::generate(sockets.begin(), sockets.end(), [&] { return connected(to); });
  auto total = static_cast<std::uint64_t>(rate * seconds);
  bool early = false;
  std::vector<char> packet(std::max(size, sizeof(Header)));
  const std::uint64_t start = now_ns();
  for (std::uint64_t i = 0; i < total; ++i) {
    wait_until(start + static_cast<std::uint64_t>(static_cast<double>(i) * 1e9 / rate));
    if (ended != 0 && !early) {
      early = true;
      total = std::min(total, i + kLast);
    }
    const Header header{.sequence = i, .total = total, .flows = flows};
    std::memcpy(packet.data(), &header, sizeof(header));
    const int fd = sockets[i % flows];
    while (send(fd, packet.data(), packet.size(), 0) < 0) {
      // A full local queue is waited for: it is no loss of the path.
      pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
      poll(&ready, 1, 10);
    }
  }
  std::printf("%llu\n", static_cast<unsigned long long>(total));
  return 0;
}

// Where packets are missing tells a stall from losses at random.
std::string gaps(const std::vector<bool>& seen) {
  constexpr std::size_t kMostShown = 8;
  std::string text;
  std::size_t shown = 0;
  for (std::size_t i = 0; i < seen.size() && shown < kMostShown; ++i) {
    const std::size_t start = i;
    while (i < seen.size() && !seen[i]) {
      ++i;
    }
    if (i > start) {
      text += (shown == 0 ? "[" : ", [") + std::to_string(start) + ", " +
              std::to_string(i - start) + "]";
      ++shown;
    }
  }
  return "[" + text + "]";
}

class Received {
 public:
  void take(const Header& header) {
    if (header.total > kMostPackets || header.sequence >= header.total || header.flows == 0 ||
        header.flows > kMostFlows) {
      return;
    }
    // A sender that ends early says less than before.
    total_ = total_ == 0 ? header.total : std::min(total_, header.total);
    seen_.resize(std::max<std::size_t>(seen_.size(), header.sequence + 1));
    if (seen_[header.sequence]) {
      ++duplicated_;
      return;
    }
    seen_[header.sequence] = true;
    ++received_;
    next_.resize(header.flows);
    std::uint64_t& next = next_[header.sequence % header.flows];
    reordered_ += header.sequence < next ? 1 : 0;
    next = std::max(next, header.sequence + 1);
  }

  [[nodiscard]] bool any() const { return received_ > 0; }
  [[nodiscard]] bool all() const { return any() && received_ == total_; }

  [[nodiscard]] std::string json() {
    seen_.resize(total_);
    return "{\"total\": " + std::to_string(total_) +
           ", \"received\": " + std::to_string(received_) +
           ", \"lost\": " + std::to_string(total_ - received_) +
           ", \"duplicated\": " + std::to_string(duplicated_) +
           ", \"reordered\": " + std::to_string(reordered_) +
           ", \"flows\": " + std::to_string(next_.size()) + ", \"gaps\": " + gaps(seen_) + "}";
  }

 private:
  std::vector<bool> seen_;
  std::vector<std::uint64_t> next_;  // by flow: what follows the greatest number yet
  std::uint64_t received_ = 0, duplicated_ = 0, reordered_ = 0, total_ = 0;
};

int receive_all(const addrinfo* at, double seconds) {
  const int fd = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int room = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
  if (fd < 0 || bind(fd, at->ai_addr, at->ai_addrlen) != 0) {
    std::perror("seqtraffic: bind");
    return 1;
  }
  Received received;
  const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  std::array<char, 65536> buffer;
  while (now_ns() < end && !received.all()) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, kSilence) <= 0) {
      if (received.any()) {
        break;
      }
      continue;
    }
    const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
    Header header;
    if (size >= static_cast<ssize_t>(sizeof(header))) {
      std::memcpy(&header, buffer.data(), sizeof(header));
      received.take(header);
    }
  }
  // What a network doubles comes right behind.
  while (received.any()) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    Header header;
    if (poll(&ready, 1, 50) <= 0 ||
        recv(fd, buffer.data(), buffer.size(), 0) < static_cast<ssize_t>(sizeof(header))) {
      break;
    }
    std::memcpy(&header, buffer.data(), sizeof(header));
    received.take(header);
  }
  std::printf("%s\n", received.json().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "send" && argc >= 6) {
    const std::size_t size = argc > 6 ? std::strtoul(argv[6], nullptr, 10) : 64;
    const std::uint64_t flows = argc > 7 ? std::strtoul(argv[7], nullptr, 10) : 1;
    return send_all(resolve(argv[2], argv[3]), std::atof(argv[4]), std::atof(argv[5]), size,
                    std::clamp<std::uint64_t>(flows, 1, kMostFlows));
  }
  if (mode == "receive" && argc == 5) {
    return receive_all(resolve(argv[2], argv[3]), std::atof(argv[4]));
  }
  std::fprintf(stderr,
               "seqtraffic send ADDRESS PORT RATE SECONDS [SIZE [FLOWS]] | receive ADDRESS PORT "
               "SECONDS\n");
  return 2;
}
