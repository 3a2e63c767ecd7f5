#include "tests/packet/bench.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/socket.h"
#include "crypto/random.h"
#include "nic/pool.h"

namespace gotthard::packet_test {
namespace {

std::string unique_name(const std::string& what) {
  static unsigned number = 0;
  return what + std::to_string(number++);
}

// Both ends keep the bounds of a message and never wait, as a TAP does.
std::pair<UniqueFd, UniqueFd> device() {
  std::array<int, 2> fds{-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds.data()), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

std::vector<Bytes> read_all(int fd) {
  std::vector<Bytes> result;
  Bytes buffer(4096);
  for (ssize_t size = 0; (size = read(fd, buffer.data(), buffer.size())) > 0;) {
    result.push_back(cut(buffer, 0, static_cast<std::size_t>(size)));
  }
  return result;
}

void drain(rte_ring* ring, std::vector<Bytes>* frames) {
  for (void* item = nullptr; rte_ring_dequeue(ring, &item) == 0;) {
    auto* mbuf = static_cast<rte_mbuf*>(item);
    const auto* data = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
    frames->emplace_back(data, data + rte_pktmbuf_data_len(mbuf));
    rte_pktmbuf_free(mbuf);
  }
}

}  // namespace

rte_mempool* Bench::pool() {
  static rte_mempool* const kPool = nic::create_pool("packets", 8191, 1500, 0).value();
  return kPool;
}

std::unique_ptr<nic::Port> Bench::make_port(std::uint16_t number) {
  SoftPort& port = ports_[number];
  for (unsigned i = 0; i < queues_; ++i) {
    port.in.push_back(rte_ring_create(unique_name("in").c_str(), 1024, 0, 0));
    port.out.push_back(rte_ring_create(unique_name("out").c_str(), 1024, 0, 0));
  }
  const std::string name = unique_name("soft");
  const int ethdev =
      rte_eth_from_rings(name.c_str(), port.in.data(), queues_, port.out.data(), queues_, 0);
  EXPECT_GE(ethdev, 0);
  return nic::Port::adopt(
             static_cast<std::uint16_t>(ethdev),
             {.device = {.name = name}, .workers = workers_, .mtu = 1500, .pool = pool()})
      .value();
}

Bench::Bench(unsigned workers, const BenchOptions& options)
    : workers_(workers),
      queues_(options.queues == 0 ? workers : options.queues),
      link_({.event = [this](const abi::EventBody& event) { events_.push_back(event); },
             .punt = [this](const abi::PacketRecord& punt) { punts_.push_back(punt); }}) {
  std::vector<dataplane::ManagedPort> ports;
  ports.push_back({.name = "wan", .underlay = true, .port = make_port(kWan)});
  ports.push_back({.name = "lan", .underlay = false, .port = make_port(kLan)});
  manager_ = dataplane::Manager::create({.worker_cpus = std::vector<unsigned>(workers, 0),
                                         .sleep_when_idle = options.sleep_when_idle,
                                         .backend = crypto::Backend::portable,
                                         .routes = 1024,
                                         .spread = options.spread},
                                        std::move(ports), pool())
                 .value();
  for (std::uint16_t i = 0; i < twins_.size(); ++i) {
    auto [ours, theirs] = device();
    twins_[i] = std::move(ours);
    manager_->host().set_twin(i, std::move(theirs));
  }
  auto [ours, theirs] = device();
  tun_ = std::move(ours);
  manager_->host().set_tun(0, std::move(theirs));
  attach();
  if (options.told) {
    tell();
  }
}

Bench::~Bench() {
  manager_.reset();
  std::vector<Bytes> ignored;
  for (const SoftPort& port : ports_) {
    for (rte_ring* ring : port.in) {
      drain(ring, &ignored);
      rte_ring_free(ring);
    }
    for (rte_ring* ring : port.out) {
      drain(ring, &ignored);
      rte_ring_free(ring);
    }
  }
}

void Bench::attach() {
  auto [ours, theirs] = seqpacket_pair().value();
  ASSERT_TRUE(manager_->attach_control(std::move(theirs)));
  link_.expect(std::move(ours));
  const auto attached = link_.on_socket();
  ASSERT_TRUE(attached.has_value() && *attached);
}

void Bench::tell() {
  command(abi::ResyncBegin{});
  send_state();
  command(abi::ResyncEnd{});
  commit();
}

void Bench::settle() {
  for (int i = 0; i < 8; ++i) {
    link_.flush();
    manager_->round();
    link_.poll();
  }
}

void Bench::route(const std::string& prefix, std::uint8_t length, std::uint32_t hop,
                  abi::Table table) {
  command(
      abi::PrefixSet{.table = table, .length = length, .value = hop, .address = address(prefix)});
}

void Bench::commit() {
  const std::uint64_t serial = command(abi::TablesCommit{});
  const Nanoseconds deadline = boottime_now() + 20 * kSecond;
  while (boottime_now() < deadline) {
    settle();
    for (const auto& applied : events<abi::Applied>()) {
      if (applied.serial >= serial) {
        return;
      }
    }
  }
  ADD_FAILURE() << "the tables were not committed";
}

abi::PeerSet Bench::peer(std::uint32_t number) const {
  const bool v6 = number == 1;
  abi::PeerSet set{.peer = number, .interface = 0};
  set.public_key[0] = static_cast<std::uint8_t>(number + 1);
  set.endpoint = {.remote = address(v6 ? "2001:db8::2" : "192.0.2.2"),
                  .local = address(v6 ? "2001:db8::1" : "192.0.2.1"),
                  .remote_port = htons(40000),
                  .local_port = htons(kListenPort),
                  .neighbour = 0};
  return set;
}

void Bench::send_state() {
  abi::InterfaceSet tunnel{.interface = 0, .listen_port = htons(kListenPort), .mtu = kTunnelMtu};
  tunnel.mac1_key = kMac1Key;
  command(tunnel);
  command(abi::LocalAddressSet{.owner = kWan, .address = address("192.0.2.1")});
  command(abi::LocalAddressSet{.owner = kWan, .address = address("2001:db8::1")});
  command(abi::LocalAddressSet{.owner = kLan, .address = address("10.1.0.1")});
  command(abi::LocalAddressSet{.owner = kLan, .address = address("fd01::1")});
  command(abi::LocalAddressSet{.owner = abi::kTunnelOwner, .address = address("172.31.0.1")});
  const auto neighbour = [&](std::uint32_t number, std::uint16_t port, const Mac& mac,
                             const std::string& text, bool reachable) {
    command(abi::NeighbourSet{.neighbour = number,
                              .port = port,
                              .mac = mac,
                              .reachable = reachable,
                              .address = address(text)});
  };
  neighbour(0, kWan, kPeerMac, "192.0.2.2", true);
  neighbour(1, kLan, kLanMac, "10.1.0.2", true);
  neighbour(2, kLan, {}, "10.1.0.3", false);
  command(peer(0));
  command(peer(1));
  const auto hop = [&](abi::NextHopSet set) { command(set); };
  using abi::HopKind;
  hop({.next_hop = kToPeer0, .kind = HopKind::tunnel, .interface = 0, .peer = 0});
  hop({.next_hop = kToPeer1, .kind = HopKind::tunnel, .interface = 0, .peer = 1});
  hop({.next_hop = kToLan, .kind = HopKind::neighbour, .port = kLan, .neighbour = 1});
  hop({.next_hop = kToUnderlay, .kind = HopKind::neighbour, .port = kWan, .neighbour = 0});
  hop({.next_hop = kBlackhole, .kind = HopKind::blackhole});
  hop({.next_hop = kGlean, .kind = HopKind::glean, .port = kLan});
  hop({.next_hop = kPlainToUnderlay,
       .kind = HopKind::neighbour,
       .allow_plain = 1,
       .port = kWan,
       .neighbour = 0});
  hop({.next_hop = kNobody, .kind = HopKind::tunnel, .interface = 0});
  hop({.next_hop = kUnresolved, .kind = HopKind::neighbour, .port = kLan, .neighbour = 2});
  command(abi::OwnerSet{.owner = 1, .peer = 0, .interface = 0});
  command(abi::OwnerSet{.owner = 2, .peer = 1, .interface = 0});
  for (const abi::Table table : {abi::Table::routes, abi::Table::sources}) {
    route("10.2.0.0", 16, 1, table);
    route("fd02::", 16, 1, table);
    route("10.3.0.0", 16, 2, table);
    route("fd03::", 16, 2, table);
  }
  route("10.1.0.0", 16, kToLan);
  route("fd01::", 16, kToLan);
  route("198.51.100.0", 24, kToUnderlay);
  route("10.5.0.0", 16, kBlackhole);
  route("10.6.0.0", 16, kGlean);
  route("10.7.0.0", 16, kPlainToUnderlay);
  route("10.8.0.0", 16, kNobody);
  route("10.9.0.0", 16, kUnresolved);
  commit();
}

Keys Bench::install(std::uint32_t peer, std::uint32_t local_id, abi::KeyUse use,
                    std::uint64_t limit, std::uint64_t reject_after, std::uint64_t erase_after) {
  Keys keys;
  crypto::random_bytes(std::as_writable_bytes(std::span(keys.send)));
  crypto::random_bytes(std::as_writable_bytes(std::span(keys.receive)));
  command(abi::SessionInstall{.local_id = local_id,
                              .remote_id = remote_id(local_id),
                              .peer = peer,
                              .use = use,
                              .window = 1024,
                              .message_limit = limit,
                              .reject_after_ns = reject_after,
                              .erase_after_ns = erase_after,
                              .send_key = keys.send,
                              .receive_key = keys.receive});
  settle();
  return keys;
}

void Bench::receive(std::uint16_t port, const Bytes& frame, unsigned worker) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool());
  ASSERT_NE(mbuf, nullptr);
  char* data = rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(frame.size()));
  ASSERT_NE(data, nullptr);
  std::ranges::copy(frame, reinterpret_cast<std::uint8_t*>(data));
  receive(port, mbuf, worker);
}

void Bench::receive(std::uint16_t port, rte_mbuf* mbuf, unsigned worker) {
  ASSERT_EQ(rte_ring_enqueue(ports_[port].in[worker], mbuf), 0);
}

void Bench::receive_ip(std::uint16_t port, const Bytes& packet, unsigned worker) {
  receive(port, ethernet(mac(port), packet), worker);
}

void Bench::receive_sealed(std::uint32_t peer, const Bytes& message, unsigned worker) {
  const bool v6 = peer == 1;
  receive_ip(kWan,
             udp(v6 ? "2001:db8::2" : "192.0.2.2", 40000, v6 ? "2001:db8::1" : "192.0.2.1",
                 kListenPort, message),
             worker);
}

void Bench::run_workers() {
  for (const auto& worker : manager_->workers()) {
    worker->online();
    while (worker->poll()) {
    }
    worker->offline();
  }
}

void Bench::run() {
  for (int i = 0; i < 4; ++i) {
    run_workers();
    settle();
  }
}

std::size_t Bench::waiting(std::uint16_t port) const {
  std::size_t count = 0;
  for (const rte_ring* ring : ports_[port].out) {
    count += rte_ring_count(ring);
  }
  return count;
}

std::vector<Bytes> Bench::sent(std::uint16_t port) {
  std::vector<Bytes> frames;
  for (rte_ring* ring : ports_[port].out) {
    drain(ring, &frames);
  }
  return frames;
}

std::vector<Bytes> Bench::at_twin(std::uint16_t port) { return read_all(twins_[port].get()); }
std::vector<Bytes> Bench::at_tun() { return read_all(tun_.get()); }

void Bench::from_twin(std::uint16_t port, const Bytes& frame) {
  ASSERT_EQ(write(twins_[port].get(), frame.data(), frame.size()),
            static_cast<ssize_t>(frame.size()));
}

void Bench::from_tun(const Bytes& packet) {
  ASSERT_EQ(write(tun_.get(), packet.data(), packet.size()), static_cast<ssize_t>(packet.size()));
}

std::uint64_t Bench::drops(Drop reason) {
  // The manager publishes its own some twenty times a second.
  usleep(55'000);
  settle();
  const auto index = static_cast<std::size_t>(reason);
  std::uint64_t sum = link_.directory()->header.manager_drops[index].load();
  for (const auto& worker : manager_->workers()) {
    sum += worker->counters().drops[index].get();
  }
  if (sum > 0) {
    seen_drops().insert(reason);
  }
  return sum;
}

std::set<Drop>& Bench::seen_drops() {
  static std::set<Drop> seen;
  return seen;
}

std::uint64_t Bench::all_drops() {
  std::uint64_t sum = 0;
  usleep(55'000);
  settle();
  for (std::size_t i = 0; i < kDropCount; ++i) {
    sum += link_.directory()->header.manager_drops[i].load();
    for (const auto& worker : manager_->workers()) {
      sum += worker->counters().drops[i].get();
    }
  }
  return sum;
}

unsigned Bench::buffers_out() const { return rte_mempool_in_use_count(pool()); }

}  // namespace gotthard::packet_test
