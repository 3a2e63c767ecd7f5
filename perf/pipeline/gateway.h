// A whole data plane on software ports, as a scenario wants it, with the perf run as control. Its
// workers are driven by the run's threads.
//
//   peers, one a session -- wan, underlay [gateway] lan, inside -- hosts
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/dataplane_link.h"
#include "dataplane/manager/manager.h"
#include "perf/pipeline/addresses.h"
#include "perf/pipeline/environment.h"
#include "perf/pipeline/scenario.h"
#include "perf/pipeline/soft_ports.h"

namespace gotthard::perf::pipeline {

// One direction of a session: what its sender seals with and its receiver opens with.
struct Keys {
  std::array<std::byte, crypto::kMaxKeySize> key{};
  std::array<std::uint8_t, 4> salt{};
};

struct Tunnel {
  std::uint32_t local_id = 0;   // that the peer sends to
  std::uint32_t remote_id = 0;  // that the gateway sends to
  Keys from_gateway;
  Keys to_gateway;
  Block behind;  // the peer's prefixes
};

class Gateway {
 public:
  static Result<std::unique_ptr<Gateway>> create(const Scenario& scenario,
                                                 const Environment& environment);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway();

  [[nodiscard]] const Scenario& scenario() const { return scenario_; }
  [[nodiscard]] const std::vector<Tunnel>& tunnels() const { return tunnels_; }
  [[nodiscard]] const Block& inside() const { return inside_; }
  [[nodiscard]] dataplane::Worker& worker(unsigned index) { return *manager_->workers()[index]; }
  [[nodiscard]] const SoftPort& wan() const { return *wan_; }
  [[nodiscard]] const SoftPort& lan() const { return *lan_; }
  [[nodiscard]] const wire::Mac& wan_mac() const { return manager_->ports()[0].port->mac(); }
  [[nodiscard]] const wire::Mac& lan_mac() const { return manager_->ports()[1].port->mac(); }
  [[nodiscard]] rte_mempool* pool() const { return pool_; }
  [[nodiscard]] dataplane::Manager& manager() { return *manager_; }
  [[nodiscard]] control::DataplaneLink& link() { return link_; }
  // Told of what the data plane says from now on; the link's poll() calls it.
  void listen(std::function<void(const abi::EventBody&)> listener) {
    listener_ = std::move(listener);
  }
  // From the first command until all were carried out: interfaces, tunnels, routes.
  [[nodiscard]] double seconds_to_configure() const { return seconds_to_configure_; }
  [[nodiscard]] std::string backend() const {
    return std::string(manager_->workers()[0]->aead_backend());
  }
  // What was dropped and why, of all workers; empty when nothing was.
  [[nodiscard]] std::string drops() const;

  static constexpr std::uint16_t kListenPort = 51820;
  static constexpr std::uint16_t kPeerPort = 51820;
  static constexpr std::uint16_t kNatPort = 4500;
  static constexpr wire::Mac kRouterMac = {2, 0, 0, 0, 0, 0x20};  // at the underlay
  static constexpr wire::Mac kHostMac = {2, 0, 0, 0, 0, 0x10};    // inside

 private:
  explicit Gateway(const Scenario& scenario);
  Status start(const Environment& environment);
  Status attach();
  void send_network();
  void send_tunnel(std::uint32_t number);
  void send_wireguard(std::uint32_t number);
  void send_esp(std::uint32_t number);
  void send_prefixes(const Block& block, std::uint32_t hop, std::uint32_t owner);
  Status commit();
  [[nodiscard]] std::uint16_t tunnel_mtu() const;

  Scenario scenario_;
  Block inside_;
  std::vector<Tunnel> tunnels_;
  rte_mempool* pool_ = nullptr;
  std::unique_ptr<SoftPort> wan_;
  std::unique_ptr<SoftPort> lan_;
  std::unique_ptr<dataplane::Manager> manager_;
  control::DataplaneLink link_;
  std::uint64_t applied_ = 0;
  std::size_t refused_ = 0;
  std::function<void(const abi::EventBody&)> listener_ = [](const abi::EventBody&) {};
  double seconds_to_configure_ = 0;
};

}  // namespace gotthard::perf::pipeline
