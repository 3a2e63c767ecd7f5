// One WireGuard peer of a fleet: its key, its socket, its session and what it sends and counts.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "control/noise/device.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "dataplane/wire/wireguard.h"

namespace gotthard {

inline constexpr std::uint32_t kFirstInner = 10U << 24 | 128U << 16;
inline constexpr noise::PeerNumber kGateway = 0;

[[noreturn]] inline void give_up(const std::string& why) {
  fmt::print(stderr, "fleet: {}\n", why);
  std::exit(2);
}

inline crypto::PrivateKey private_key(std::uint32_t number) {
  const auto hash =
      crypto::blake2s(std::as_bytes(std::span("fleet")), std::as_bytes(std::span(&number, 1)));
  auto key = crypto::PrivateKey::copy_of(std::as_bytes(std::span(hash)).first<32>());
  crypto::clamp(key);
  return key;
}

struct Payload {
  std::uint32_t peer;
  std::uint32_t sequence;
};
struct InnerPacket {
  wire::Ipv4Header ip;
  wire::UdpHeader udp;
  Payload payload;
};

struct Session {
  std::uint32_t local_id = 0;
  std::uint32_t remote_id = 0;
  std::uint64_t counter = 0;
  crypto::AeadKey send;
  crypto::AeadKey receive;
};

struct Target {
  std::uint32_t source = 0;  // host byte order, of the first peer
  sockaddr_in gateway{};
  std::uint32_t inner = 0;  // host byte order
  std::uint16_t inner_port = 0;
};

class Peer {
 public:
  Peer(std::uint32_t number, const crypto::PublicKey& gateway, const Target& target,
       crypto::AeadEngine* engine)
      : number_(number), target_(target), engine_(engine), device_(make_device(number)) {
    fd_ = UniqueFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_in from{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(target.source + number)}};
    if (!fd_ || bind(fd_.get(), reinterpret_cast<const sockaddr*>(&from), sizeof(from)) != 0 ||
        connect(fd_.get(), reinterpret_cast<const sockaddr*>(&target.gateway),
                sizeof(target.gateway)) != 0) {
      give_up(fmt::format("peer {}: {}", number, std::strerror(errno)));
    }
    endpoint_.address.family = abi::Family::ipv4;
    std::memcpy(endpoint_.address.bytes.data(), &target.gateway.sin_addr, 4);
    endpoint_.port = target.gateway.sin_port;
    if (!device_.add_peer(kGateway, gateway, {.preshared_key = {}, .endpoint = endpoint_}, {})) {
      give_up("the gateway's public key is none");
    }
  }

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool up() const { return !sessions_.empty(); }
  [[nodiscard]] std::uint32_t sent() const { return sent_; }
  [[nodiscard]] std::uint32_t answered() const { return answered_; }

  void want_session() { perform(device_.need_handshake(kGateway, now())); }
  void tick() { perform(device_.on_tick(kGateway, activity_, now())); }

  void send_data() {
    InnerPacket packet{};
    packet.ip.version_ihl = 0x45;
    packet.ip.total_length.set(sizeof(packet));
    packet.ip.ttl = 64;
    packet.ip.protocol = IPPROTO_UDP;
    packet.ip.source.set(kFirstInner + number_);
    packet.ip.destination.set(target_.inner);
    packet.ip.checksum.set(wire::ipv4_checksum(packet.ip));
    packet.udp.source.set(9000);
    packet.udp.destination.set(target_.inner_port);
    packet.udp.length.set(sizeof(packet.udp) + sizeof(packet.payload));
    packet.payload = {number_, sent_++};
    seal(std::as_bytes(std::span(&packet, 1)));
    activity_.last_tx_data = activity_.last_tx;
  }

  void on_readable() {
    std::array<std::byte, 2048> datagram;
    for (;;) {
      const ssize_t size = recv(fd_.get(), datagram.data(), datagram.size(), 0);
      if (size <= 0) {
        return;
      }
      const auto bytes = std::span(datagram).first(static_cast<std::size_t>(size));
      if (bytes.size() >= wire::kWgDataMinimum && bytes[0] == std::byte{wire::kWgData}) {
        open(bytes);
      } else {
        perform(device_.on_datagram(bytes, endpoint_, {}, now(), /*under_load=*/false));
      }
    }
  }

 private:
  static noise::Time now() { return {.boot = boottime_now(), .wall = realtime_now()}; }

  static noise::Device make_device(std::uint32_t number) {
    auto device = noise::Device::create(
        private_key(number), [](std::span<std::byte> out) { crypto::random_bytes(out); },
        {.allocate = [] { return crypto::random_u32() | 1U; }, .release = [](std::uint32_t) {}});
    if (!device) {
      give_up(device.error().message);
    }
    return std::move(*device);
  }

  void perform(noise::Actions actions) {
    for (noise::Action& action : actions) {
      if (const auto* datagram = std::get_if<noise::SendDatagram>(&action)) {
        (void)!send(fd_.get(), datagram->bytes.data(), datagram->bytes.size(), 0);
      } else if (const auto* install = std::get_if<noise::InstallSession>(&action)) {
        add(*install);
      } else if (const auto* remove = std::get_if<noise::RemoveSession>(&action)) {
        std::erase_if(sessions_, [&](const auto& s) { return s->local_id == remove->local_id; });
        device_.on_erased(remove->local_id);
      } else if (std::holds_alternative<noise::SendKeepalive>(action) && up()) {
        seal({});
      }
    }
  }

  void add(const noise::InstallSession& install) {
    auto session = std::make_unique<Session>();
    session->local_id = install.local_id;
    session->remote_id = install.remote_id;
    constexpr auto kSuite = crypto::Suite::chacha20_poly1305;
    if (!engine_->expand(kSuite, install.send_key.bytes(), session->send) ||
        !engine_->expand(kSuite, install.receive_key.bytes(), session->receive)) {
      give_up("a session's key is refused");
    }
    sessions_.push_back(std::move(session));
    perform(device_.on_installed(install.local_id, now()));
  }

  // Under the newest session.
  void seal(std::span<const std::byte> inner) {
    Session& session = *sessions_.back();
    std::array<std::byte, 256> datagram{};
    auto* header = reinterpret_cast<wire::WgDataHeader*>(datagram.data());
    header->type.set(wire::kWgData);
    header->receiver.set(session.remote_id);
    header->counter.set(session.counter);
    const std::size_t padded = (inner.size() + wire::kWgPadding - 1) & ~(wire::kWgPadding - 1);
    std::byte* text = datagram.data() + sizeof(*header);
    std::memcpy(text, inner.data(), inner.size());
    crypto::AeadJob job{.key = &session.send,
                        .text = text,
                        .length = static_cast<std::uint32_t>(padded),
                        .tag = text + padded};
    std::memcpy(job.nonce.data() + 4, &session.counter, 8);
    ++session.counter;
    engine_->seal(std::span(&job, 1));
    (void)!send(fd_.get(), datagram.data(), sizeof(*header) + padded + wire::kWgTagSize, 0);
    activity_.last_tx = boottime_now();
    activity_.current_session = session.local_id;
    activity_.sent = session.counter;
  }

  void open(std::span<std::byte> datagram) {
    const auto* header = reinterpret_cast<const wire::WgDataHeader*>(datagram.data());
    const std::uint64_t counter = header->counter.get();
    for (const auto& session : sessions_) {
      if (session->local_id != header->receiver.get()) {
        continue;
      }
      std::byte* text = datagram.data() + sizeof(*header);
      crypto::AeadJob job{
          .key = &session->receive,
          .text = text,
          .length = static_cast<std::uint32_t>(datagram.size() - wire::kWgDataMinimum),
          .tag = datagram.data() + datagram.size() - wire::kWgTagSize};
      std::memcpy(job.nonce.data() + 4, &counter, 8);
      if (engine_->open(std::span(&job, 1)) != 1) {
        return;
      }
      activity_.last_rx = boottime_now();
      if (job.length >= sizeof(InnerPacket)) {
        activity_.last_rx_data = activity_.last_rx;
        InnerPacket packet{};
        std::memcpy(&packet, text, sizeof(packet));
        answered_ += packet.payload.peer == number_ ? 1 : 0;
      }
      return;
    }
  }

  std::uint32_t number_;
  const Target& target_;
  crypto::AeadEngine* engine_;
  noise::Device device_;
  UniqueFd fd_;
  noise::Endpoint endpoint_;
  noise::Activity activity_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::uint32_t sent_ = 0;
  std::uint32_t answered_ = 0;
};

}  // namespace gotthard
