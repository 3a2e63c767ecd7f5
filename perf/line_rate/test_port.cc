#include "perf/line_rate/test_port.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "perf/line_rate/receiver.h"

namespace gotthard::perf::line_rate {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kLinkPatience = std::chrono::seconds(10);
constexpr auto kGatewayPatience = std::chrono::seconds(10);

std::vector<abi::Address> addresses_at(const PortSettings& settings, std::size_t number,
                                       const std::vector<Flow>& flows) {
  std::vector<abi::Address> ends;
  for (const Flow& flow : flows) {
    if (flow.from == number) {
      ends.push_back(flow.source);
    }
    if (flow.to == number) {
      ends.push_back(flow.destination);
    }
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  std::vector<abi::Address> result = settings.addresses;  // it asks as the first
  result.insert(result.end(), ends.begin(), ends.end());
  return result;
}

// What is heard of the gateway; others are answered.
std::optional<wire::Mac> listen(const TestPort& port, rte_mempool* pool) {
  std::array<rte_mbuf*, 32> mbufs;
  std::optional<wire::Mac> heard;
  const Queue queue{.ethdev = port.port->ethdev(), .queue = 0, .pool = pool};
  for (unsigned i = 0; i < port.port->queues(); ++i) {
    const std::uint16_t count =
        rte_eth_rx_burst(queue.ethdev, static_cast<std::uint16_t>(i), mbufs.data(), mbufs.size());
    for (std::uint16_t k = 0; k < count; ++k) {
      const std::span frame(rte_pktmbuf_mtod(mbufs[k], const std::byte*),
                            rte_pktmbuf_data_len(mbufs[k]));
      if (const auto answer = port.neighbour->answer(frame)) {
        send_copy(queue, *answer);
      }
      if (port.settings.gateway && !heard) {
        heard = port.neighbour->learn(frame, *port.settings.gateway);
      }
    }
    if (count > 0) {
      rte_pktmbuf_free_bulk(mbufs.data(), count);
    }
  }
  return heard;
}

Status await_links(const std::vector<TestPort>& ports) {
  const auto deadline = Clock::now() + kLinkPatience;
  for (const TestPort& port : ports) {
    while (!port.port->link_up()) {
      if (Clock::now() > deadline) {
        return fail("port '{}' ({}) has no link: is the device at its other end up?",
                    port.settings.name, port.settings.device);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  return {};
}

Status find_gateway(TestPort* port, std::vector<TestPort>* all, rte_mempool* pool) {
  const auto deadline = Clock::now() + kGatewayPatience;
  const auto question = port->neighbour->question(*port->settings.gateway);
  auto ask_at = Clock::now();
  while (Clock::now() < deadline) {
    if (question && Clock::now() >= ask_at) {
      send_copy({.ethdev = port->port->ethdev(), .queue = 0, .pool = pool}, *question);
      ask_at += std::chrono::milliseconds(200);
    }
    for (TestPort& other : *all) {
      const auto heard = listen(other, pool);
      if (heard && &other == port) {
        port->macs.gateway = *heard;
        return {};
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return fail(
      "port '{}': nobody answers for its gateway {}: is that the device's address at this "
      "port? With gateway_mac = \"...\" nobody is asked",
      port->settings.name, config::to_string(*port->settings.gateway));
}

}  // namespace

Promiscuous::Promiscuous(std::uint16_t ethdev) : ethdev_(ethdev) {
  rte_eth_promiscuous_enable(ethdev_);
}

Promiscuous::~Promiscuous() { rte_eth_promiscuous_disable(ethdev_); }

std::uint32_t TestPort::speed() const {
  rte_eth_link link{};
  const bool known = rte_eth_link_get_nowait(port->ethdev(), &link) == 0 &&
                     link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN;
  return known ? link.link_speed : 0;
}

Result<std::vector<TestPort>> open_ports(const Settings& settings, const std::vector<Flow>& flows,
                                         unsigned workers, std::uint16_t descriptors,
                                         rte_mempool* pool) {
  std::vector<TestPort> result;
  for (const PortSettings& wanted : settings.ports) {
    const auto device = nic::parse_device(wanted.device, workers, wanted.mtu);
    if (!device) {
      return fail("port '{}': {}", wanted.name, device.error().message);
    }
    auto port = nic::Port::open({.device = *device,
                                 .workers = workers,
                                 .mtu = wanted.mtu,
                                 .pool = pool,
                                 .descriptors = descriptors});
    if (!port) {
      return fail("port '{}': {}", wanted.name, port.error().message);
    }
    const wire::Mac own = wanted.mac.value_or((*port)->mac());
    auto promiscuous =
        own == (*port)->mac() ? nullptr : std::make_unique<Promiscuous>((*port)->ethdev());
    result.push_back({.settings = wanted,
                      .port = std::move(*port),
                      .promiscuous = std::move(promiscuous),
                      .macs = {.own = own, .gateway = wanted.gateway_mac.value_or(wire::Mac{})},
                      .neighbour = std::make_unique<Neighbour>(
                          own, addresses_at(wanted, result.size(), flows))});
  }
  return result;
}

Status connect(std::vector<TestPort>* ports, rte_mempool* pool) {
  if (const Status linked = await_links(*ports); !linked) {
    return linked;
  }
  for (TestPort& port : *ports) {
    if (port.settings.gateway_mac) {
      continue;
    }
    if (const Status found = find_gateway(&port, ports, pool); !found) {
      return found;
    }
  }
  return {};
}

}  // namespace gotthard::perf::line_rate
