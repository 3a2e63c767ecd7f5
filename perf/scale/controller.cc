#include "perf/scale/controller.h"

#include <fmt/format.h>

#include <map>

#include "base/socket.h"
#include "crypto/random.h"

namespace gotthard::perf::scale {
namespace {

using abi::Family;

constexpr int kWan = 3;  // the kernel's numbers of links
constexpr int kWg0 = 5;
constexpr abi::Address kRouter = {Family::ipv4, {192, 0, 2, 254}};

}  // namespace

Controller::Controller(pipeline::Gateway* gateway)
    : gateway_(gateway),
      memory_(checkpoint::kPeersSize),
      link_({.event =
                 [this](const abi::EventBody& event) {
                   if (const auto* applied = std::get_if<abi::Applied>(&event)) {
                     fib_.on_applied(applied->serial);
                     synchronised_ = true;
                   }
                   refused_ += std::holds_alternative<abi::CommandRefused>(event) ? 1 : 0;
                   tunnels_->on_event(event);
                 },
             .punt = [](const abi::PacketRecord&) {}}),
      fib_({.emit = [this](const abi::CommandBody& command) { return link_.send(command); },
            .resolve = [](std::uint16_t, const abi::Address&) {}}),
      sessions_([] { return crypto::random_u32(); }),
      checkpoint_(memory_) {}

Result<std::unique_ptr<Controller>> Controller::create(pipeline::Gateway* gateway,
                                                       const crypto::KeyPair& identity,
                                                       std::span<const crypto::PublicKey> peers) {
  std::unique_ptr<Controller> controller(new Controller(gateway));
  if (const Status started = controller->start(identity, peers); !started) {
    return tl::unexpected(started.error());
  }
  return controller;
}

Status Controller::start(const crypto::KeyPair& identity,
                         std::span<const crypto::PublicKey> peers) {
  config_.ports.resize(2);
  config_.ports[0].name = "wan";
  config_.ports[1].name = "lan";
  config_.ports[1].role = config::Role::inside;
  config::WireGuard& wg0 = config_.wireguard.emplace_back();
  wg0.name = "wg0";
  wg0.private_key_file = "/wg0.key";
  keys_.emplace(wg0.private_key_file, crypto::Secret<32>::copy_of(identity.private_key.bytes()));
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const auto high = static_cast<std::uint8_t>(i >> 8);
    const auto low = static_cast<std::uint8_t>(i);
    wg0.peers.push_back({.name = fmt::format("peer{}", i),
                         .public_key = peers[i],
                         .allowed_ips = {{{Family::ipv4, {10, high, low, 0}}, 24}}});
  }
  auto tunnels = control::Tunnels::create(
      config_, keys_,
      {.dataplane = &link_,
       .fib = &fib_,
       .sessions = &sessions_,
       .checkpoint = &checkpoint_,
       .resolve_name = [](std::uint32_t, const std::string&) { return false; }});
  if (!tunnels) {
    return tl::unexpected(tunnels.error());
  }
  tunnels_ = std::move(*tunnels);
  fib_.configure(config_, boottime_now());
  tell_routes();
  if (const Status attached = attach(); !attached) {
    return attached;
  }
  std::map<crypto::PublicKey, std::uint32_t> numbers;
  for (const auto& [number, peer] : tunnels_->peers()) {
    numbers[peer.settings.public_key] = number;
  }
  for (const crypto::PublicKey& key : peers) {
    numbers_.push_back(numbers.at(key));
  }
  return {};
}

// What netlink would tell: every peer is behind a router that answers.
void Controller::tell_routes() {
  fib_.apply(route::Link{kWan, "wan", true, 1500});
  fib_.apply(route::Link{kWg0, "wg0", true, 1420});
  fib_.apply(route::LocalAddress{kWan, pipeline::gateway_outside(Family::ipv4), 24, true});
  route::KernelRoute everywhere;
  everywhere.destination = {{Family::ipv4, {}}, 0};
  everywhere.hops = {{.link = kWan, .gateway = kRouter}};
  fib_.apply(route::RouteAdded{everywhere});
  fib_.apply(route::Neighbour{kWan, kRouter, pipeline::Gateway::kRouterMac,
                              route::Reachability::reachable});
  fib_.apply(route::Synchronised{});
}

Status Controller::attach() {
  auto sockets = seqpacket_pair();
  if (!sockets) {
    return tl::unexpected(sockets.error());
  }
  if (const Status done = gateway_->manager().attach_control(std::move(sockets->second)); !done) {
    return done;
  }
  link_.expect(std::move(sockets->first));
  if (const auto attached = link_.on_socket(); !attached || !*attached) {
    return attached ? Status(fail("the data plane lets nobody attach"))
                    : tl::unexpected(attached.error());
  }
  if (const Status numbered = tunnels_->number_peers(link_.directory(), keys_); !numbered) {
    return numbered;
  }
  link_.send(abi::ResyncBegin{});
  fib_.attach(boottime_now());
  tunnels_->resync(false, boottime_now());
  link_.send(abi::ResyncEnd{});
  const Nanoseconds deadline = boottime_now() + 60 * kSecond;
  while ((!synchronised_ || link_.queued() > 0) && boottime_now() < deadline) {
    gateway_->manager().round();
    if (const Status done = turn(); !done) {
      return done;
    }
  }
  if (!synchronised_) {
    return fail("the data plane took no tunnels in 60 s");
  }
  if (refused_ > 0) {
    return fail("the data plane refused {} commands about tunnels", refused_);
  }
  return {};
}

Status Controller::turn() {
  if (const Status polled = link_.poll(); !polled) {
    return polled;
  }
  fib_.flush(boottime_now());
  tunnels_->on_turn();
  link_.flush();
  return {};
}

}  // namespace gotthard::perf::scale
