// WireGuard's messages of simulated peers on the gateway's underlay port.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "crypto/aead.h"
#include "perf/pipeline/gateway.h"
#include "perf/scale/remote_peer.h"

namespace gotthard::perf::scale {

class Wire {
 public:
  static Result<std::unique_ptr<Wire>> create(pipeline::Gateway* gateway);

  // What the worker has sent since the last call: to which peer, and the datagram.
  void receive(const std::function<void(std::uint32_t peer, std::span<const std::byte>)>& each);
  // An empty packet under a peer's session, in front of the worker. False: no buffer is left.
  bool send_keepalive(std::uint32_t peer, const RemotePeer& from);

 private:
  Wire(pipeline::Gateway* gateway, crypto::AeadEngine engine)
      : gateway_(gateway), engine_(std::move(engine)) {}

  pipeline::Gateway* gateway_;
  crypto::AeadEngine engine_;
};

// A datagram as the data plane hands it to control.
[[nodiscard]] abi::PacketRecord punted(std::uint32_t peer, std::span<const std::byte> datagram);

}  // namespace gotthard::perf::scale
