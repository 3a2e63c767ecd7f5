#include "tools/supervisor/requests.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace gotthard::supervisor {
namespace {

using broker::Answer;
using broker::Outcome;

Answer refused(Outcome outcome, std::string_view why) {
  return {outcome, 0, broker::to_text<broker::kMaxReasonText>(why)};
}

}  // namespace

bool may_be_neighbour(const abi::Address& address) {
  const auto& bytes = address.bytes;
  if (address.family == abi::Family::ipv4) {
    return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
  }
  const bool low = std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; });
  return address.family == abi::Family::ipv6 && bytes[0] != 0xff && !(low && bytes[15] <= 1);
}

void Requests::handle(const broker::Request& request) {
  const auto reply = [&](const broker::NoticeBody& body) { send_({request.id, body}); };
  if (std::holds_alternative<broker::Ready>(request.body)) {
    ready_();
  } else if (const auto* neighbour = std::get_if<broker::ResolveNeighbour>(&request.body)) {
    reply(answer(*neighbour));
  } else if (const auto* level = std::get_if<broker::SetLogLevel>(&request.body)) {
    reply(answer(*level));
  } else if (const auto* prefixes = std::get_if<broker::TunnelPrefixes>(&request.body)) {
    reply(answer(*prefixes));
  } else if (const auto* ports = std::get_if<broker::ListenPorts>(&request.body)) {
    reply(answer(*ports));
  } else if (const auto* name = std::get_if<broker::ResolveName>(&request.body)) {
    resolver_.resolve(std::string(broker::view(name->name)),
                      [send = send_, id = request.id](const broker::NameResolved& resolved) {
                        send({id, resolved});
                      });
  }
}

Answer Requests::answer(const broker::ResolveNeighbour& request) {
  if (abi::port_of(request.port) >= host_.twins().size() || !may_be_neighbour(request.address)) {
    return refused(Outcome::invalid, "no such port, or no address that a neighbour can have");
  }
  if (!neighbours_.allow(boottime_now())) {
    return refused(Outcome::rate_limited, "too many neighbours were asked for");
  }
  const Status probed = host_.probe_neighbour(request.port, request.address);
  return probed ? Answer{} : refused(Outcome::failed, probed.error().message);
}

Answer Requests::answer(const broker::SetLogLevel& request) {
  log::set_level(request.subsystem, request.level);
  return {};
}

Answer Requests::answer(const broker::TunnelPrefixes& request) {
  auto claim = claims_.take(request, host_.claims());
  if (!claim) {
    return refused(Outcome::invalid, claim.error().message);
  }
  const Status followed =
      *claim ? host_.claim((*claim)->interface, std::move((*claim)->prefixes)) : Status();
  return followed ? Answer{} : refused(Outcome::failed, followed.error().message);
}

Answer Requests::answer(const broker::ListenPorts& request) {
  std::set<std::uint16_t> ports;
  for (const auto& [first, count] : request.ranges) {
    for (unsigned i = 0; i < count; ++i) {
      ports.insert(static_cast<std::uint16_t>(first + i));
    }
  }
  const auto taken = host_.listen(ports);
  if (!taken) {
    return refused(Outcome::failed, taken.error().message);
  }
  return *taken ? refused(Outcome::in_use, port_in_use(**taken)) : Answer{};
}

}  // namespace gotthard::supervisor
