#include "perf/scale/install.h"

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "control/session_allocator.h"
#include "crypto/random.h"
#include "perf/clock.h"
#include "perf/pipeline/gateway.h"
#include "perf/samples.h"

namespace gotthard::perf::scale {
namespace {

constexpr std::uint32_t kPeers = 1000;
constexpr std::size_t kBatch = 64;
constexpr std::size_t kLeastBatches = 8;
constexpr std::uint64_t kLife = 180 * kSecond;

class Installer {
 public:
  Installer(pipeline::Gateway* gateway, double tsc_hz)
      : gateway_(gateway), tsc_hz_(tsc_hz), ids_([] { return crypto::random_u32(); }) {
    for (const pipeline::Tunnel& tunnel : gateway->tunnels()) {
      ids_.occupy(tunnel.local_id);
    }
    gateway_->listen([this](const abi::EventBody& event) { hear(event); });
  }

  Status run(double seconds) {
    const std::uint64_t end = __rdtsc() + static_cast<std::uint64_t>(seconds * tsc_hz_);
    for (std::size_t i = 0; i < kLeastBatches || __rdtsc() < end; ++i) {
      if (const Status done = batch(); !done) {
        return done;
      }
    }
    return {};
  }

  [[nodiscard]] Install result() const {
    const std::uint64_t limit = std::min(quiet_limit({&control_, 1}), quiet_limit({&manager_, 1}));
    const double control = control_.median(limit);
    const double manager = manager_.median(limit);
    return {.sessions = installed_,
            .refused = refused_,
            .sessions_per_second = tsc_hz_ / (control + manager),
            .control_microseconds = control * 1e6 / tsc_hz_,
            .manager_microseconds = manager * 1e6 / tsc_hz_,
            .quiet_share = control_.quiet_share(limit)};
  }

 private:
  void hear(const abi::EventBody& event) {
    if (std::holds_alternative<abi::SessionInstalled>(event)) {
      ++installed_;
    } else if (const auto* refusal = std::get_if<abi::CommandRefused>(&event)) {
      ++refused_;
      ids_.release(refusal->local_id);
    } else if (const auto* erased = std::get_if<abi::SessionErased>(&event)) {
      ids_.release(erased->local_id);
    }
  }

  Status batch() {
    std::vector<abi::SessionInstall> commands(kBatch);
    for (abi::SessionInstall& command : commands) {  // handshakes make keys, not installations
      command = {.remote_id = crypto::random_u32(),
                 .peer = peer_++ % kPeers,
                 .message_limit = std::uint64_t{1} << 60,
                 .reject_after_ns = kLife,
                 .erase_after_ns = 3 * kLife};
      crypto::random_bytes(std::as_writable_bytes(std::span(command.send_key)));
      crypto::random_bytes(std::as_writable_bytes(std::span(command.receive_key)));
    }
    std::uint64_t in_control = 0;
    std::uint64_t in_manager = 0;
    const auto timed = [](std::uint64_t* sum, auto what) {
      const std::uint64_t start = __rdtsc();
      what();
      *sum += __rdtsc() - start;
    };
    const std::uint64_t before = probe_core();
    Status polled;
    bool ids_left = true;
    timed(&in_control, [&] {
      for (abi::SessionInstall& command : commands) {
        const auto id = ids_.allocate();
        ids_left &= id.has_value();
        command.local_id = id.value_or(0);
        gateway_->link().send(command);
      }
      gateway_->link().flush();
    });
    const std::uint64_t wanted = installed_ + refused_ + kBatch;
    const Nanoseconds deadline = boottime_now() + 10 * kSecond;
    while (installed_ + refused_ < wanted && polled && boottime_now() < deadline) {
      timed(&in_manager, [&] { gateway_->manager().round(); });
      timed(&in_control, [&] { polled = gateway_->link().poll(); });
    }
    if (!polled) {
      return polled;
    }
    if (!ids_left || installed_ + refused_ < wanted) {
      return fail("the data plane did not install {} sessions in 10 s", kBatch);
    }
    const std::uint64_t probe = std::max(before, probe_core());
    control_.add(static_cast<double>(in_control) / kBatch, probe);
    manager_.add(static_cast<double>(in_manager) / kBatch, probe);
    return {};
  }

  pipeline::Gateway* gateway_;
  double tsc_hz_;
  control::SessionAllocator ids_;
  std::uint32_t peer_ = 0;
  std::uint64_t installed_ = 0;
  std::uint64_t refused_ = 0;
  Samples control_;  // ticks a session
  Samples manager_;
};

}  // namespace

Result<Install> measure_install(const Bench& bench) {
  auto gateway = pipeline::Gateway::create({.sessions = kPeers}, bench.environment);
  if (!gateway) {
    return tl::unexpected(gateway.error());
  }
  Installer installer(gateway->get(), bench.tsc_hz);
  if (const Status done = installer.run(bench.seconds); !done) {
    return tl::unexpected(done.error());
  }
  return installer.result();
}

}  // namespace gotthard::perf::scale
