// Control's WireGuard side as its process has it, without the process: tunnels, FIB, checkpoint and
// the link to a data plane.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "control/wireguard/tunnels.h"
#include "perf/pipeline/gateway.h"

namespace gotthard::perf::scale {

class Controller {
 public:
  // Takes the gateway's data plane over, as a control that starts anew does: of what it had before
  // nothing stays. It has one tunnel with a peer for each key, the n-th at peer_outside(n).
  static Result<std::unique_ptr<Controller>> create(pipeline::Gateway* gateway,
                                                    const crypto::KeyPair& identity,
                                                    std::span<const crypto::PublicKey> peers);
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  [[nodiscard]] control::Tunnels& tunnels() { return *tunnels_; }
  [[nodiscard]] std::uint64_t count(noise::Outcome outcome) const {
    return tunnels_->tunnels()[0].device.counters()[static_cast<std::size_t>(outcome)];
  }

  // A new handshake with the n-th peer, as an operator's `gotthard rekey` asks for.
  Status rekey(std::size_t peer) { return tunnels_->rekey(numbers_[peer]); }

  // A turn of its reactor: what the data plane has told, what came of it.
  Status turn();

 private:
  explicit Controller(pipeline::Gateway* gateway);
  Status start(const crypto::KeyPair& identity, std::span<const crypto::PublicKey> peers);
  void tell_routes();
  Status attach();

  pipeline::Gateway* gateway_;
  config::Config config_;
  control::Keys keys_;
  std::vector<std::byte> memory_;
  control::DataplaneLink link_;
  route::FibBuilder fib_;
  control::SessionAllocator sessions_;
  checkpoint::Checkpoint checkpoint_;
  std::unique_ptr<control::Tunnels> tunnels_;
  std::vector<std::uint32_t> numbers_;  // that the data plane knows the peers by
  bool synchronised_ = false;
  std::size_t refused_ = 0;  // commands
};

}  // namespace gotthard::perf::scale
