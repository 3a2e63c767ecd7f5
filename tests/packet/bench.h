// A whole data plane on software ports, with the test as control, host and network. Workers are
// polled by the test's thread, so that everything happens in a known order.
//
//   peer 0 (192.0.2.2) ---+                                 +--- 10.1.0.2, fd01::2
//   peer 1 (2001:db8::2) -+- wan, underlay [gateway] lan ---+
//
// Peer 0 owns 10.2.0.0/16 and fd02::/16, peer 1 10.3.0.0/16 and fd03::/16.
#pragma once

#include <rte_ring.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control/dataplane_link.h"
#include "dataplane/manager/manager.h"
#include "tests/packet/frames.h"

namespace gotthard::packet_test {

inline constexpr std::uint16_t kWan = 0;
inline constexpr std::uint16_t kLan = 1;
inline constexpr std::uint16_t kListenPort = 51820;
inline constexpr std::uint16_t kTunnelMtu = 1420;
inline constexpr Mac kPeerMac = {2, 0, 0, 0, 0, 0x20};
inline constexpr Mac kLanMac = {2, 0, 0, 0, 0, 0x10};
inline constexpr Key kMac1Key = {7, 7, 7};

// Numbers of next hops.
enum Hop : std::uint32_t {
  kToPeer0 = 1,
  kToPeer1,
  kToLan,
  kToUnderlay,
  kBlackhole,
  kGlean,
  kPlainToUnderlay,
  kNobody,
  kUnresolved,
};

struct Keys {
  Key send{};     // we seal
  Key receive{};  // we open
};

struct BenchOptions {
  dataplane::SpreadPolicy spread = dataplane::SpreadPolicy::automatic;
  unsigned queues = 0;  // of each port; 0: as many as workers
  bool sleep_when_idle = false;
  bool told = true;  // by control; else tell() is for the test to call
};

class Bench {
 public:
  explicit Bench(unsigned workers = 1, const BenchOptions& options = {});
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // Commands go in order; settle() has them carried out.
  std::uint64_t command(const abi::CommandBody& body) { return link_.send(body); }
  void settle();
  void attach();
  // The state in the picture above, without sessions; tell(): as control does when it attaches.
  void send_state();
  void tell();
  void route(const std::string& prefix, std::uint8_t length, std::uint32_t hop,
             abi::Table table = abi::Table::routes);
  void commit();
  abi::PeerSet peer(std::uint32_t number) const;
  // Keys are new each time; `remote` is 0xaaaa0000 + the id.
  Keys install(std::uint32_t peer, std::uint32_t local_id, abi::KeyUse use = abi::KeyUse::now,
               std::uint64_t limit = 1ULL << 60, std::uint64_t reject_after = 180 * kSecond,
               std::uint64_t erase_after = 540 * kSecond);
  static std::uint32_t remote_id(std::uint32_t local_id) { return 0xaaaa0000U + local_id; }

  // A frame waits for `worker` at `port`; run() lets everyone work until all is done.
  void receive(std::uint16_t port, const Bytes& frame, unsigned worker = 0);
  void receive(std::uint16_t port, rte_mbuf* mbuf, unsigned worker = 0);
  void run();
  // To a port's address.
  void receive_ip(std::uint16_t port, const Bytes& packet, unsigned worker = 0);
  // From peer 0 (IPv4 outside) or peer 1 (IPv6 outside).
  void receive_sealed(std::uint32_t peer, const Bytes& message, unsigned worker = 0);
  // Frames that have left by `port`.
  std::vector<Bytes> sent(std::uint16_t port);
  // How many there are.
  [[nodiscard]] std::size_t waiting(std::uint16_t port) const;
  // The worker's part of run() alone: nobody takes what it hands to the manager.
  void run_workers();
  // What reached the kernel's twin or TUN.
  std::vector<Bytes> at_twin(std::uint16_t port);
  std::vector<Bytes> at_tun();
  void from_twin(std::uint16_t port, const Bytes& frame);
  void from_tun(const Bytes& packet);

  // A test that asks for a reason and sees it counted has covered it: see main.cc.
  std::uint64_t drops(Drop reason);
  static std::set<Drop>& seen_drops();
  // Of all reasons.
  std::uint64_t all_drops();
  template <typename Event>
  std::vector<Event> events() const {
    std::vector<Event> result;
    for (const abi::EventBody& event : events_) {
      if (const auto* e = std::get_if<Event>(&event)) {
        result.push_back(*e);
      }
    }
    return result;
  }
  std::vector<abi::PacketRecord>& punts() { return punts_; }
  void forget_events() { events_.clear(); }
  control::DataplaneLink& link() { return link_; }
  dataplane::Manager& manager() { return *manager_; }
  const Mac& mac(std::uint16_t port) const { return manager_->ports()[port].port->mac(); }
  // Buffers that are somewhere under way.
  unsigned buffers_out() const;
  static rte_mempool* pool();

 private:
  struct SoftPort {
    std::vector<rte_ring*> in, out;
  };
  std::unique_ptr<nic::Port> make_port(std::uint16_t number);

  unsigned workers_;
  unsigned queues_;
  std::vector<SoftPort> ports_{2};
  std::unique_ptr<dataplane::Manager> manager_;
  control::DataplaneLink link_;
  std::vector<abi::EventBody> events_;
  std::vector<abi::PacketRecord> punts_;
  std::array<UniqueFd, 2> twins_;
  UniqueFd tun_;
};

}  // namespace gotthard::packet_test
