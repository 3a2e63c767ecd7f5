// The gateway's side of the data plane: attached, told everything, listened to.
#include <arpa/inet.h>

#include <utility>

#include "base/log.h"
#include "control/gateway.h"

namespace gotthard::control {
namespace {

constexpr auto kLog = log::Subsystem::control;

}  // namespace

Status Gateway::watch_link() {
  return reactor_.watch(link_.socket(), [this] { on_link_socket(); });
}

void Gateway::on_link_socket() {
  const auto attached = link_.on_socket();
  if (!attached) {
    log::event(log::Level::warning, kLog, "dataplane_lost", {{"error", attached.error().message}});
    lose_dataplane();
    return;
  }
  if (*attached) {
    (void)reactor_.watch(link_.wake_fd(), [this] { poll_link(); });
    try_resync();
  }
}

void Gateway::lose_dataplane() {
  reactor_.unwatch(link_.socket());
  if (link_.attached()) {
    reactor_.unwatch(link_.wake_fd());
  }
  link_.detach();
  fib_.detach();
  synchronised_ = false;
  applied_ = false;
  ready_told_ = false;
}

// A data plane that breaks the rings' rules cannot be worked with: the supervisor starts a new
// control, whose attachment begins with new rings.
void Gateway::poll_link() {
  if (const Status polled = link_.poll(); !polled) {
    log::event(log::Level::error, kLog, "dataplane_broken", {{"error", polled.error().message}});
    lose_dataplane();
    failure_ = polled;
    reactor_.stop();
  }
}

// Everything that a data plane must know, new or living: it keeps what it has of it, loses what is
// not mentioned, and forwards all the while. Waits for the kernel's state: without it a living data
// plane would lose its routes.
void Gateway::try_resync() {
  if (!link_.attached() || synchronised_ || !fib_.synchronised()) {
    return;
  }
  const Nanoseconds now = boottime_now();
  if (!tunnels_->numbered()) {
    if (const Status numbered = tunnels_->number_peers(link_.directory(), keys_); !numbered) {
      log::event(log::Level::error, kLog, "peers_refused", {{"error", numbered.error().message}});
      failure_ = numbered;
      reactor_.stop();
      return;
    }
    changes_->begin([](const LiveChanges::Result& told) {
      if (!told) {
        log::event(log::Level::error, kLog, "host_does_not_follow",
                   {{"reason", told.error().message}});
      }
    });
  }
  const std::uint64_t instance = link_.directory()->header.instance;
  const bool fresh = instance_ != 0 && instance != instance_;
  instance_ = instance;
  link_.send(abi::ResyncBegin{});
  fib_.attach(now);
  const Tunnels::Resynced sessions = tunnels_->resync(fresh, now);
  negotiations_->restore();
  children_->resync(fresh);
  negotiations_->resync(fresh);
  resync_serial_ = link_.send(abi::ResyncEnd{});
  synchronised_ = true;
  log::event(log::Level::info, kLog, "dataplane_attached",
             {{"epoch", link_.directory()->header.epoch},
              {"new_dataplane", fresh},
              {"sessions_adopted", sessions.adopted},
              {"sessions_removed", sessions.removed}});
}

void Gateway::on_event(const abi::EventBody& event) {
  if (const auto* applied = std::get_if<abi::Applied>(&event)) {
    fib_.on_applied(applied->serial);
    if (synchronised_ && !applied_ && applied->serial >= resync_serial_) {
      applied_ = true;
      tell_ready();
      log::event(log::Level::info, kLog, "ready");
    }
  } else if (const auto* port = std::get_if<abi::PortState>(&event)) {
    fib_.set_port_link(port->port, port->link_up != 0);
  } else if (const auto* need = std::get_if<abi::NeedNeighbour>(&event)) {
    fib_.on_need_neighbour(need->port, need->address, boottime_now());
  } else if (const auto* refused = std::get_if<abi::CommandRefused>(&event)) {
    log::event(log::Level::warning, kLog, "command_refused",
               {{"serial", refused->serial}, {"reason", static_cast<int>(refused->reason)}});
    hand_on(event);
  } else {
    hand_on(event);
  }
}

void Gateway::hand_on(const abi::EventBody& event) {
  (void)(negotiations_->on_event(event) || children_->on_event(event) || tunnels_->on_event(event));
}

void Gateway::tell_ready() {
  if (applied_ && !ready_told_) {
    ready_told_ = ask(broker::Ready{}).has_value();
  }
}

void Gateway::on_punt(const abi::PacketRecord& packet) {
  if (log::enabled(log::Level::debug, log::Subsystem::handshake)) {
    log::event(log::Level::debug, log::Subsystem::handshake, "message_received",
               {{"interface", packet.interface},
                {"type", std::to_integer<unsigned>(packet.payload.front())},
                {"from", config::to_string(packet.remote)},
                {"port", ntohs(packet.remote_port)}});
  }
  if (synchronised_ && !negotiations_->on_punt(packet)) {
    tunnels_->on_punt(packet, under_load(boottime_now()));
  }
}

// A handshake costs control some 200 us; beyond what leaves half of its time, or when they wait in
// a row, peers must show with a cookie that they are where they say.
bool Gateway::under_load(Nanoseconds now) {
  constexpr std::uint32_t kPerSecond = 1000;
  constexpr std::size_t kInARow = abi::PuntRing::kCapacity / 8;
  if (now - load_window_ >= kSecond) {
    load_window_ = now;
    load_punts_ = 0;
  }
  return ++load_punts_ > kPerSecond || link_.punts_taken() > kInARow;
}

}  // namespace gotthard::control
