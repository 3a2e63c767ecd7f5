// A backend's engine with all tunnels' keys in its form.
#pragma once

#include <memory>

#include "crypto/aead.h"
#include "perf/pipeline/gateway.h"

namespace gotthard::perf::pipeline {

class KeyRing {
 public:
  static Result<std::unique_ptr<KeyRing>> create(crypto::Backend backend, const Gateway& gateway) {
    auto engine = crypto::AeadEngine::create(backend);
    if (!engine) {
      return tl::unexpected(engine.error());
    }
    std::unique_ptr<KeyRing> ring(new KeyRing(std::move(*engine), gateway.tunnels().size()));
    const crypto::Suite suite = gateway.scenario().suite();
    const std::size_t size = crypto::key_size(suite);
    for (std::size_t i = 0; i < gateway.tunnels().size(); ++i) {
      const Tunnel& tunnel = gateway.tunnels()[i];
      for (const auto& [from, to] : {std::pair{&tunnel.from_gateway, &ring->from_gateway_[i]},
                                     std::pair{&tunnel.to_gateway, &ring->to_gateway_[i]}}) {
        const Status done = ring->engine_.expand(suite, std::span(from->key).first(size), *to);
        if (!done) {
          return tl::unexpected(done.error());
        }
      }
    }
    return ring;
  }

  crypto::AeadEngine& engine() { return engine_; }
  [[nodiscard]] const crypto::AeadKey* from_gateway(std::uint32_t session) const {
    return &from_gateway_[session];
  }
  [[nodiscard]] const crypto::AeadKey* to_gateway(std::uint32_t session) const {
    return &to_gateway_[session];
  }

 private:
  KeyRing(crypto::AeadEngine engine, std::size_t tunnels)
      : engine_(std::move(engine)),
        from_gateway_(std::make_unique<crypto::AeadKey[]>(tunnels)),
        to_gateway_(std::make_unique<crypto::AeadKey[]>(tunnels)) {}

  crypto::AeadEngine engine_;
  std::unique_ptr<crypto::AeadKey[]> from_gateway_;
  std::unique_ptr<crypto::AeadKey[]> to_gateway_;
};

}  // namespace gotthard::perf::pipeline
