#include "perf/scale/handshakes.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "perf/clock.h"
#include "perf/samples.h"
#include "perf/scale/controller.h"
#include "perf/scale/wire.h"

namespace gotthard::perf::scale {
namespace {

constexpr std::size_t kBatch = 16;  // handshakes under way at a time
constexpr Nanoseconds kPatience = 10 * kSecond;
// An initiator waits longer than this for the next try, a responder takes no second one before.
constexpr Nanoseconds kBetweenInitiations = 25 * kMillisecond;
constexpr Nanoseconds kBetweenRekeys = 5 * kSecond + 100 * kMillisecond;

class Exchange {
 public:
  Exchange(pipeline::Gateway* gateway, Controller* controller, Wire* wire,
           std::vector<RemotePeer>* peers, crypto::Blake2sMac mac)
      : gateway_(gateway),
        controller_(controller),
        wire_(wire),
        peers_(peers),
        mac_(std::move(mac)) {}

  // All peers once, in batches.
  Status all_initiate() {
    return each_batch([this](std::size_t first, std::size_t count) {
      std::vector<abi::PacketRecord> records;
      for (std::size_t i = first; i < first + count; ++i) {
        records.push_back(punted(static_cast<std::uint32_t>(i),
                                 (*peers_)[i].initiate(control::time_now(), mac_)));
      }
      timed([&] { punt(records); });
    });
  }
  Status all_rekey() {
    return each_batch([this](std::size_t first, std::size_t count) {
      timed([&] {
        for (std::size_t i = first; i < first + count && ok_; ++i) {
          ok_ = controller_->rekey(i);
        }
      });
    });
  }

  [[nodiscard]] HandshakeRate rate() const {
    const std::uint64_t limit = quiet_limit({&times_, 1});
    const double ns = times_.median(limit);
    return {.handshakes = done_,
            .per_second = 1e9 / ns,
            .microseconds = ns / 1e3,
            .per_second_with_disturbances =
                static_cast<double>(done_) * 1e9 / static_cast<double>(sum_),
            .quiet_share = times_.quiet_share(limit)};
  }
  void forget() {
    times_ = {};
    done_ = 0;
    sum_ = 0;
  }

 private:
  template <typename Begin>
  Status each_batch(Begin begin) {
    for (std::size_t first = 0; first < peers_->size() && ok_; first += kBatch) {
      const std::size_t count = std::min(kBatch, peers_->size() - first);
      in_control_ = 0;
      const std::uint64_t before = probe_core();
      const std::uint64_t wanted = controller_->count(noise::Outcome::handshake_done) + count;
      begin(first, count);
      settle(wanted);
      const std::uint64_t probe = std::max(before, probe_core());
      times_.add(static_cast<double>(in_control_) / static_cast<double>(count), probe);
      done_ += count;
      sum_ += in_control_;
    }
    return ok_;
  }

  // Until that many handshakes were done on both sides. The thread is in turn the data plane's, the
  // peers' and control's, whose time counts.
  void settle(std::uint64_t wanted) {
    const Nanoseconds deadline = boottime_now() + kPatience;
    while (ok_ && controller_->count(noise::Outcome::handshake_done) < wanted) {
      gateway_->manager().round();
      gateway_->worker(0).turn();
      std::vector<abi::PacketRecord> records;
      wire_->receive([&](std::uint32_t peer, std::span<const std::byte> datagram) {
        answer(peer, datagram, &records);
      });
      timed([&] {
        punt(records);
        if (const Status turned = controller_->turn(); !turned) {
          ok_ = turned;
        }
      });
      if (ok_ && boottime_now() > deadline) {
        ok_ = fail("only {} of {} handshakes were done in 10 s; dropped: {}",
                   controller_->count(noise::Outcome::handshake_done), wanted, gateway_->drops());
      }
    }
  }

  void answer(std::uint32_t number, std::span<const std::byte> datagram,
              std::vector<abi::PacketRecord>* records) {
    RemotePeer& peer = peers_->at(number);
    if (datagram.size() == sizeof(noise::Response)) {
      if (!peer.accept(datagram)) {
        ok_ = fail("a response was not what peer {} expects", number);
      } else if (!wire_->send_keepalive(number, peer)) {
        ok_ = fail("no packet buffers are left");
      }
    } else if (datagram.size() == sizeof(noise::Initiation)) {
      if (const auto response = peer.respond(datagram, control::time_now(), mac_)) {
        records->push_back(punted(number, *response));
      } else {
        ok_ = fail("an initiation was not what peer {} expects", number);
      }
    }
  }

  void punt(const std::vector<abi::PacketRecord>& records) {
    for (const abi::PacketRecord& record : records) {
      controller_->tunnels().on_punt(record, /*under_load=*/false);
    }
  }

  template <typename What>
  void timed(What what) {
    const std::uint64_t start = thread_time();
    what();
    in_control_ += thread_time() - start;
  }

  pipeline::Gateway* gateway_;
  Controller* controller_;
  Wire* wire_;
  std::vector<RemotePeer>* peers_;
  crypto::Blake2sMac mac_;
  Status ok_;
  std::uint64_t in_control_ = 0;  // nanoseconds, of the batch
  Samples times_;                 // nanoseconds of control, a handshake
  std::uint64_t done_ = 0;
  std::uint64_t sum_ = 0;
};

void wait_until(Nanoseconds when) {
  const Nanoseconds now = boottime_now();
  if (when > now) {
    std::this_thread::sleep_for(std::chrono::nanoseconds(when - now));
  }
}

// Each peer again and again for so long, once at least.
Status keep_initiating(Exchange* exchange, double seconds) {
  const Nanoseconds end = boottime_now() + static_cast<Nanoseconds>(seconds * 1e9);
  do {
    const Nanoseconds begin = boottime_now();
    if (const Status done = exchange->all_initiate(); !done) {
      return done;
    }
    wait_until(begin + kBetweenInitiations);
  } while (boottime_now() < end);
  return {};
}

}  // namespace

Result<Handshakes> measure_handshakes(const Bench& bench, std::uint32_t count, bool responder,
                                      bool rekeys) {
  // Rings with room for a batch of messages and what goes with them.
  auto gateway =
      pipeline::Gateway::create({.routes = count, .working_set = 1024}, bench.environment);
  if (!gateway) {
    return tl::unexpected(gateway.error());
  }
  const crypto::KeyPair identity = crypto::generate_key_pair();
  std::vector<RemotePeer> peers;
  std::vector<crypto::PublicKey> keys;
  for (std::uint32_t i = 0; i < count; ++i) {
    peers.emplace_back(identity.public_key);
    keys.push_back(peers.back().public_key());
  }
  auto wire = Wire::create(gateway->get());
  auto mac = crypto::Blake2sMac::create();
  if (!wire || !mac) {
    return tl::unexpected(wire ? mac.error() : wire.error());
  }
  auto controller = Controller::create(gateway->get(), identity, keys);
  if (!controller) {
    return tl::unexpected(controller.error());
  }
  (*gateway)->worker(0).online();
  Exchange exchange(gateway->get(), controller->get(), wire->get(), &peers, std::move(*mac));
  Handshakes result{.peers = count};
  if (const Status done = keep_initiating(&exchange, responder ? bench.seconds : 0); !done) {
    return tl::unexpected(done.error());
  }
  const Nanoseconds last = boottime_now();
  if (responder) {
    result.responder = exchange.rate();
  }
  if (rekeys) {
    exchange.forget();
    wait_until(last + kBetweenRekeys);
    if (const Status done = exchange.all_rekey(); !done) {
      return tl::unexpected(done.error());
    }
    result.rekeys = exchange.rate();
  }
  (*gateway)->worker(0).offline();
  return result;
}

}  // namespace gotthard::perf::scale
