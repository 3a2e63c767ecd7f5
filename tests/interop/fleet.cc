// Many WireGuard peers in one process, each with its own key, socket and inner address, on the
// noise::Device and the AEAD that the gateway has too: for tests of a gateway with thousands of
// peers.
//   fleet keys PEERS                                       their public keys, a line each
//   fleet run PEERS SOURCE GATEWAY_KEY ADDRESS PORT TARGET TARGET_PORT RATE SECONDS
//   fleet echo ADDRESS PORT SECONDS                        sends back what comes
// `run` makes a handshake with each, then all send to the inner TARGET in turn, RATE packets a
// second altogether, and count what comes back; prints JSON. Peer number i sends from
// SOURCE + i and is 10.128.0.0 + i inside.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "control/config/config.h"
#include "crypto/aead.h"
#include "crypto/init.h"
#include "tests/interop/fleet_peer.h"

namespace gotthard {
namespace {

class Fleet {
 public:
  Fleet(std::uint32_t count, const crypto::PublicKey& gateway, const Target& target)
      : engine_(make_engine()), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (std::uint32_t i = 0; i < count; ++i) {
      peers_.push_back(std::make_unique<Peer>(i, gateway, target, &engine_));
      epoll_event event{.events = EPOLLIN, .data = {.u32 = i}};
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, peers_.back()->fd(), &event);
    }
  }

  // All have a session, or the time is over. Seconds that it took.
  double connect_all(Nanoseconds patience) {
    const Nanoseconds begin = boottime_now();
    for (const auto& peer : peers_) {
      peer->want_session();
      turn(0);
    }
    while (boottime_now() < begin + patience && up() < peers_.size()) {
      turn(1);
    }
    return seconds_since(begin);
  }

  void exchange(double rate, double seconds) {
    const Nanoseconds begin = boottime_now();
    const auto total = static_cast<std::uint64_t>(rate * seconds);
    for (std::uint64_t sent = 0; sent < total;) {
      const auto due = static_cast<std::uint64_t>(seconds_since(begin) * rate);
      for (; sent < std::min(due, total); ++sent) {
        if (Peer& peer = *peers_[sent % peers_.size()]; peer.up()) {
          peer.send_data();
        }
      }
      turn(1);
    }
    for (const Nanoseconds end = boottime_now() + kSecond; boottime_now() < end;) {
      turn(10);
    }
  }

  [[nodiscard]] std::size_t up() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(peers_, [](const auto& peer) { return peer->up(); }));
  }
  void print(double handshake_seconds) const {
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
    std::uint64_t whole = 0;
    for (const auto& peer : peers_) {
      sent += peer->sent();
      answered += peer->answered();
      whole += peer->sent() > 0 && peer->answered() == peer->sent() ? 1 : 0;
    }
    fmt::print(
        "{{\"peers\": {}, \"up\": {}, \"handshake_seconds\": {:.3f}, \"sent\": {}, \"answered\": "
        "{}, \"peers_without_loss\": {}}}\n",
        peers_.size(), up(), handshake_seconds, sent, answered, whole);
  }

 private:
  static crypto::AeadEngine make_engine() {
    auto engine = crypto::AeadEngine::create(crypto::Backend::automatic);
    if (!engine) {
      give_up(engine.error().message);
    }
    return std::move(*engine);
  }
  static double seconds_since(Nanoseconds begin) {
    return static_cast<double>(boottime_now() - begin) / static_cast<double>(kSecond);
  }

  void turn(int wait_ms) {
    std::array<epoll_event, 256> events;
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), wait_ms);
    for (int i = 0; i < count; ++i) {
      peers_[events[static_cast<std::size_t>(i)].data.u32]->on_readable();
    }
    if (const Nanoseconds now = boottime_now(); now >= next_tick_) {
      next_tick_ = now + 100 * kMillisecond;
      for (const auto& peer : peers_) {
        peer->tick();
      }
    }
  }

  crypto::AeadEngine engine_;
  UniqueFd epoll_;
  std::vector<std::unique_ptr<Peer>> peers_;
  Nanoseconds next_tick_ = 0;
};

std::uint32_t number_of(const char* text) {
  return static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

std::uint32_t ipv4_of(const char* text) {
  in_addr address{};
  if (inet_pton(AF_INET, text, &address) != 1) {
    give_up(fmt::format("'{}' is no IPv4 address", text));
  }
  return ntohl(address.s_addr);
}

void print_keys(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    fmt::print("{}\n", config::key_to_string(crypto::public_key(private_key(i))));
  }
}

void echo(std::uint32_t address, std::uint16_t port, double seconds) {
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int room = 8 << 20;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
  sockaddr_in at{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(address)}};
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) != 0) {
    give_up(std::strerror(errno));
  }
  const Nanoseconds end = boottime_now() + static_cast<Nanoseconds>(seconds * 1e9);
  while (boottime_now() < end) {
    pollfd readable{.fd = fd.get(), .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, 100) <= 0) {
      continue;
    }
    std::array<char, 2048> packet;
    sockaddr_in from{};
    socklen_t size = sizeof(from);
    const ssize_t got = recvfrom(fd.get(), packet.data(), packet.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &size);
    if (got > 0) {
      (void)!sendto(fd.get(), packet.data(), static_cast<std::size_t>(got), 0,
                    reinterpret_cast<const sockaddr*>(&from), size);
    }
  }
}

int run(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (!crypto::init()) {
    give_up("cryptography does not start");
  }
  if (verb == "keys" && argc == 3) {
    print_keys(number_of(argv[2]));
  } else if (verb == "echo" && argc == 5) {
    echo(ipv4_of(argv[2]), static_cast<std::uint16_t>(number_of(argv[3])), std::atof(argv[4]));
  } else if (verb == "run" && argc == 11) {
    const auto key = config::parse_key(argv[4]);
    if (!key) {
      give_up(key.error().message);
    }
    Target target{.source = ipv4_of(argv[3]),
                  .gateway = {.sin_family = AF_INET,
                              .sin_port = htons(static_cast<std::uint16_t>(number_of(argv[6]))),
                              .sin_addr = {htonl(ipv4_of(argv[5]))}},
                  .inner = ipv4_of(argv[7]),
                  .inner_port = static_cast<std::uint16_t>(number_of(argv[8]))};
    Fleet fleet(number_of(argv[2]), *key, target);
    const double seconds = fleet.connect_all(60 * kSecond);
    fleet.exchange(std::atof(argv[9]), std::atof(argv[10]));
    fleet.print(seconds);
  } else {
    give_up(
        "keys PEERS | run PEERS SOURCE KEY ADDRESS PORT TARGET TARGET_PORT RATE SECONDS | echo "
        "ADDRESS PORT SECONDS");
  }
  return 0;
}

}  // namespace
}  // namespace gotthard

int main(int argc, char** argv) { return gotthard::run(argc, argv); }
