// What control may ask: each request is carried out or answered with the reason why not.
#pragma once

#include <functional>

#include "control/broker/message.h"
#include "tools/supervisor/claim_parts.h"
#include "tools/supervisor/host.h"
#include "tools/supervisor/rate_limit.h"
#include "tools/supervisor/resolver.h"

namespace gotthard::supervisor {

class Requests {
 public:
  using Send = std::function<void(const broker::Notice&)>;

  // `ready` is called when control says so; `send` takes the answers.
  Requests(Host& host, Resolver& resolver, Send send, std::function<void()> ready)
      : host_(host), resolver_(resolver), send_(std::move(send)), ready_(std::move(ready)) {}

  void handle(const broker::Request& request);
  void on_control_gone() { claims_.forget(); }

 private:
  broker::Answer answer(const broker::ResolveNeighbour& request);
  broker::Answer answer(const broker::SetLogLevel& request);
  broker::Answer answer(const broker::TunnelPrefixes& request);
  broker::Answer answer(const broker::ListenPorts& request);

  Host& host_;
  Resolver& resolver_;
  Send send_;
  std::function<void()> ready_;
  ClaimParts claims_;
  RateLimit neighbours_{1000, 2000};  // next hops in use are refreshed this way too
};

// One station's address that may be on-link: neither unspecified, loopback, multicast nor
// broadcast.
[[nodiscard]] bool may_be_neighbour(const abi::Address& address);

}  // namespace gotthard::supervisor
