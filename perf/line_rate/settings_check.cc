// What the file's sections and the options come to together.
#include <algorithm>

#include "perf/line_rate/frame.h"
#include "perf/line_rate/settings.h"

namespace gotthard::perf::line_rate {
namespace {

constexpr std::uint32_t kUsualSizes[] = {64, 128, 256, 512, 1024, 1280, 1420, 1518};
constexpr std::uint16_t kFirstPort = 49152;
constexpr std::uint16_t kDiscard = 9;  // RFC 863

std::size_t number_of(const Settings& settings, const std::string& name) {
  const auto port = std::find_if(settings.ports.begin(), settings.ports.end(),
                                 [&](const PortSettings& p) { return p.name == name; });
  return static_cast<std::size_t>(port - settings.ports.begin());
}

// The same host of the n-th prefix behind; none: addresses come to their end before.
std::optional<abi::Address> following(const config::InterfaceAddress& first, unsigned n) {
  abi::Address result = first.address;
  if (n == 0) {
    return result;
  }
  if (first.length == 0) {
    return std::nullopt;
  }
  // The prefix's last bit is in this byte; carries go to the left.
  std::size_t at = (first.length - 1U) / 8 + 1;
  std::uint64_t carry = std::uint64_t{n} << (7 - (first.length - 1U) % 8);
  while (at > 0 && carry > 0) {
    --at;
    carry += result.bytes[at];
    result.bytes[at] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  return carry == 0 ? std::optional(result) : std::nullopt;
}

bool sends(const Settings& settings, abi::Family family) {
  return std::any_of(settings.flows.begin(), settings.flows.end(), [&](const FlowSettings& flow) {
    return flow.source.address.family == family;
  });
}

Status check_size(const Settings& settings, const FrameSize& size) {
  const std::size_t least6 = least_frame(abi::Family::ipv6) + kFrameCheck;
  if (size.least() < least6 && sends(settings, abi::Family::ipv6)) {
    return fail(
        "frames of {} bytes do not hold the headers of IPv6 and UDP and what tells frames "
        "apart: leave '{}' out of sizes, {} is the least",
        size.least(), size.name(), least6);
  }
  for (const PortSettings& port : settings.ports) {
    const std::size_t packet = size.greatest() - kEthernetHeader - kFrameCheck;
    if (packet > port.mtu) {
      return fail(
          "frames of {} bytes do not fit the MTU of port '{}', {}: write mtu = {} there, or "
          "leave '{}' out of sizes",
          size.greatest(), port.name, port.mtu, packet, size.name());
    }
  }
  return {};
}

Status check_flow(const FlowSettings& flow) {
  const auto fits = [&](const config::InterfaceAddress& first) {
    return following(first, flow.tunnels - 1).has_value();
  };
  if (!fits(flow.destination) || (!flow.same_source && !fits(flow.source))) {
    return fail(
        "[[flow]] from '{}' to '{}': there are no {} prefixes behind {} and {}: write fewer "
        "tunnels or longer prefixes",
        flow.from, flow.to, flow.tunnels, config::to_string(flow.source),
        config::to_string(flow.destination));
  }
  return {};
}

void add_tunnel(const Settings& settings, const FlowSettings& flow, unsigned tunnel,
                std::vector<Flow>* result) {
  const Directions directions = settings.trial.directions;
  for (unsigned i = 0; i < flow.count; ++i) {
    const Flow forward{.from = number_of(settings, flow.from),
                       .to = number_of(settings, flow.to),
                       .source = *following(flow.source, flow.same_source ? 0 : tunnel),
                       .destination = *following(flow.destination, tunnel),
                       .source_port = static_cast<std::uint16_t>(kFirstPort + i),
                       .destination_port = kDiscard};
    if (directions != Directions::back) {
      result->push_back(forward);
    }
    if (directions != Directions::forward) {
      result->push_back({.from = forward.to,
                         .to = forward.from,
                         .source = forward.destination,
                         .destination = forward.source,
                         .source_port = forward.source_port,
                         .destination_port = forward.destination_port});
    }
  }
}

}  // namespace

Status check(Settings* settings) {
  std::uint64_t flows = 0;
  for (const FlowSettings& flow : settings->flows) {
    flows += std::uint64_t{flow.tunnels} * flow.count * 2;
    if (const Status status = check_flow(flow); !status) {
      return status;
    }
  }
  if (flows > kMostFlows) {
    return fail(
        "{} flows in both directions are more than {}: write fewer tunnels or a smaller "
        "count",
        flows, kMostFlows);
  }
  TrialSettings& trial = settings->trial;
  if (trial.max_rate && *trial.max_rate < trial.min_rate) {
    return fail("max_rate {} is below min_rate {}: raise it, or lower min_rate", *trial.max_rate,
                trial.min_rate);
  }
  if (trial.sizes.empty()) {
    for (const std::uint32_t bytes : kUsualSizes) {
      trial.sizes.emplace_back(bytes);
    }
    trial.sizes.emplace_back();
    std::erase_if(trial.sizes, [&](const FrameSize& size) { return !check_size(*settings, size); });
  }
  for (const FrameSize& size : trial.sizes) {
    if (const Status status = check_size(*settings, size); !status) {
      return status;
    }
  }
  std::sort(trial.loss_ratios.begin(), trial.loss_ratios.end());
  trial.loss_ratios.erase(std::unique(trial.loss_ratios.begin(), trial.loss_ratios.end()),
                          trial.loss_ratios.end());
  return {};
}

std::vector<Flow> flows_of(const Settings& settings) {
  std::vector<Flow> result;
  for (const FlowSettings& flow : settings.flows) {
    for (unsigned tunnel = 0; tunnel < flow.tunnels; ++tunnel) {
      add_tunnel(settings, flow, tunnel, &result);
    }
  }
  return result;
}

}  // namespace gotthard::perf::line_rate
