// Paced UDP with sequence numbers, to count what a tunnel loses, doubles or reorders.
//   seqtraffic send ADDRESS PORT PACKETS_PER_SECOND SECONDS [SIZE]   prints how many were sent
//   seqtraffic receive ADDRESS PORT SECONDS    prints JSON: received, lost, duplicated, reordered,
//   gaps
// The receiver ends in time, or when nothing has come for five seconds after the first packet (a
// starved machine stands still for two). Lost are those missing of the total that each packet
// carries; gaps are the first of them: [at, how many].
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
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
  std::uint64_t total;  // how many will have been sent in all
};

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

int send_all(const addrinfo* to, double rate, double seconds, std::size_t size) {
  const int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
    std::perror("seqtraffic: connect");
    return 1;
  }
  const auto total = static_cast<std::uint64_t>(rate * seconds);
  std::vector<char> packet(std::max(size, sizeof(Header)));
  const std::uint64_t start = now_ns();
  for (std::uint64_t i = 0; i < total; ++i) {
    const auto due = start + static_cast<std::uint64_t>(static_cast<double>(i) * 1e9 / rate);
    for (std::uint64_t now = now_ns(); now < due; now = now_ns()) {
      const timespec pause{.tv_sec = 0, .tv_nsec = static_cast<long>(due - now)};
      nanosleep(&pause, nullptr);
    }
    const Header header{.sequence = i, .total = total};
    std::memcpy(packet.data(), &header, sizeof(header));
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

int receive_all(const addrinfo* at, double seconds) {
  const int fd = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int room = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
  if (fd < 0 || bind(fd, at->ai_addr, at->ai_addrlen) != 0) {
    std::perror("seqtraffic: bind");
    return 1;
  }
  std::vector<bool> seen;
  std::uint64_t received = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t next = 0;
  std::uint64_t total = 0;
  const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  std::array<char, 65536> buffer;
  while (now_ns() < end && (total == 0 || received - duplicated < total)) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, 5000) <= 0) {
      if (received > 0) {
        break;
      }
      continue;
    }
    const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
    Header header;
    if (size < static_cast<ssize_t>(sizeof(header))) {
      continue;
    }
    std::memcpy(&header, buffer.data(), sizeof(header));
    if (header.total > 100'000'000 || header.sequence >= header.total) {
      continue;
    }
    total = header.total;
    seen.resize(total);
    ++received;
    if (seen[header.sequence]) {
      ++duplicated;
      continue;
    }
    seen[header.sequence] = true;
    reordered += header.sequence < next ? 1 : 0;
    next = std::max(next, header.sequence + 1);
  }
  std::printf(
      "{\"total\": %llu, \"received\": %llu, \"lost\": %llu, \"duplicated\": %llu, \"reordered\": "
      "%llu, \"gaps\": %s}\n",
      static_cast<unsigned long long>(total),
      static_cast<unsigned long long>(received - duplicated),
      static_cast<unsigned long long>(total - (received - duplicated)),
      static_cast<unsigned long long>(duplicated), static_cast<unsigned long long>(reordered),
      gaps(seen).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "send" && argc >= 6) {
    const std::size_t size = argc > 6 ? std::strtoul(argv[6], nullptr, 10) : 64;
    return send_all(resolve(argv[2], argv[3]), std::atof(argv[4]), std::atof(argv[5]), size);
  }
  if (mode == "receive" && argc == 5) {
    return receive_all(resolve(argv[2], argv[3]), std::atof(argv[4]));
  }
  std::fprintf(stderr,
               "seqtraffic send ADDRESS PORT RATE SECONDS [SIZE] | receive ADDRESS PORT "
               "SECONDS\n");
  return 2;
}
