// Anything from the wire, from an authenticated peer or from the host, through a whole data plane:
// no read beyond a frame, no buffer lost, and nothing plain leaves the underlay. Received frames
// can be in heap buffers of exactly their size, so that the sanitizer sees a read beyond either
// end.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>

#include "crypto/hash.h"
#include "crypto/init.h"
#include "dataplane/wire/ip.h"
#include "tests/fuzz/eal.h"
#include "tests/packet/bench.h"

namespace {

using namespace gotthard;
using namespace gotthard::packet_test;

constexpr std::uint32_t kSessions = 0x12340100;
constexpr std::size_t kLongest = 1600;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

// Routes of several ways and for some packets only, inside and towards the underlay.
void add_ways(Bench* bench) {
  abi::HopGroupSet group{.group = 1, .count = 3, .alive = 7};
  group.next_hops = {kToPeer0, kToLan, kToUnderlay};
  group.weights = {1, 2, 3};
  bench->command(group);
  bench->command(abi::NextHopSet{.next_hop = 30, .kind = abi::HopKind::group, .set = 1});
  abi::HopChoiceSet choice{.choice = 1, .otherwise = 30, .field = abi::HopField::dscp};
  choice.count = 2;
  choice.choices[0] = {.next_hop = kToUnderlay, .dscp = 1};
  choice.choices[1] = {.next_hop = kGlean, .dscp = 2};
  bench->command(choice);
  bench->command(abi::NextHopSet{.next_hop = 31, .kind = abi::HopKind::choice, .set = 1});
  choice = {.choice = 2, .otherwise = 31, .field = abi::HopField::source};
  choice.count = 1;
  choice.choices[0] = {.next_hop = kToPeer1, .length = 16, .source = address("fd03::")};
  bench->command(choice);
  bench->command(abi::NextHopSet{.next_hop = 32, .kind = abi::HopKind::choice, .set = 2});
  bench->route("10.11.0.0", 16, 31);
  bench->route("fd04::", 16, 32);
  bench->commit();
}

struct Gateway {
  Gateway() { add_ways(&bench); }
  // Sessions outlast the longest run.
  Keys install(std::uint32_t peer) {
    constexpr std::uint64_t kDay = 86400ULL * kSecond;
    return bench.install(peer, kSessions + peer, abi::KeyUse::now, 1ULL << 60, kDay, kDay);
  }

  Bench bench;
  std::array<Keys, 2> keys{install(0), install(1)};
  std::uint64_t counter = 0;
  crypto::Blake2sMac mac = crypto::Blake2sMac::create().value();
};

Gateway* gateway() {
  static Gateway* const kGateway = [] {
    require(crypto::init().has_value() && sodium_init() >= 0);
    fuzz::start_eal(256);
    return new Gateway;
  }();
  return kGateway;
}

// ---------------------------------------------------------------- what random bytes seldom hold

void repair_ipv4(Bytes* packet) {
  if (packet->size() < 20 || (*packet)[0] >> 4 != 4) {
    return;
  }
  put16(packet, 10, 0);
  put16(packet, 10, internet_sum(cut(*packet, 0, ((*packet)[0] & 0x0fU) * 4)));
}

// 0 leaves an address as it is.
void set_addresses(Bytes* packet, unsigned from, unsigned to) {
  static const std::array<Bytes, 12> kAddresses4 = {{{},
                                                     {10, 1, 0, 2},
                                                     {10, 2, 0, 9},
                                                     {10, 3, 0, 9},
                                                     {192, 0, 2, 1},
                                                     {198, 51, 100, 7},
                                                     {10, 5, 0, 1},
                                                     {10, 6, 0, 1},
                                                     {10, 7, 0, 1},
                                                     {10, 9, 0, 1},
                                                     {10, 1, 0, 1},
                                                     {10, 11, 0, 1}}};
  static const std::array<Bytes, 6> kAddresses6 = {{{},
                                                    raw(address("fd01::2")),
                                                    raw(address("fd02::9")),
                                                    raw(address("fd03::9")),
                                                    raw(address("2001:db8::1")),
                                                    raw(address("fd04::1"))}};
  const bool v6 = !packet->empty() && (*packet)[0] >> 4 == 6;
  const auto put = [&](std::size_t at, const Bytes& bytes) {
    if (packet->size() >= at + bytes.size()) {
      std::copy(bytes.begin(), bytes.end(), packet->begin() + static_cast<std::ptrdiff_t>(at));
    }
  };
  put(v6 ? 8 : 12, v6 ? kAddresses6[from % 6] : kAddresses4[from % 12]);
  put(v6 ? 24 : 16, v6 ? kAddresses6[to % 6] : kAddresses4[to % 12]);
}

void repair_mac1(Bytes* message, crypto::Blake2sMac* mac) {
  if (message->size() != 148 && message->size() != 92) {
    return;
  }
  const std::size_t covered = message->size() - 32;
  const auto value = mac->mac(std::as_bytes(std::span(kMac1Key)),
                              std::as_bytes(std::span(*message)).first(covered));
  std::copy(value.begin(), value.end(), message->begin() + static_cast<std::ptrdiff_t>(covered));
}

// ---------------------------------------------------------------- what goes in

struct OwnBuffer {
  std::unique_ptr<std::uint8_t[]> bytes;
  rte_mbuf_ext_shared_info info;
};

// The leak check does not look into DPDK's memory, where those that are parked are held.
std::set<OwnBuffer*>* alive() {
  static auto* const kBuffers = new std::set<OwnBuffer*>;
  return kBuffers;
}

void release(void*, void* owner) {
  auto* own = static_cast<OwnBuffer*>(owner);
  alive()->erase(own);
  delete own;
}

void receive_exact(Bench* bench, std::uint16_t port, const Bytes& frame) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(Bench::pool());
  require(mbuf != nullptr);
  auto* own = new OwnBuffer{.bytes{new std::uint8_t[frame.size()]}, .info{}};
  std::copy(frame.begin(), frame.end(), own->bytes.get());
  alive()->insert(own);
  own->info.free_cb = release;
  own->info.fcb_opaque = own;
  rte_mbuf_ext_refcnt_set(&own->info, 1);
  const auto size = static_cast<std::uint16_t>(frame.size());
  rte_pktmbuf_attach_extbuf(mbuf, own->bytes.get(), 0, size, &own->info);
  mbuf->data_len = size;
  mbuf->pkt_len = size;
  bench->receive(port, mbuf);
}

enum class Step : std::uint8_t { frame, packet, message, sealed, twin, tun, count };

// True: what leaves the underlay must be sealed.
bool take_step(Gateway* g, std::uint8_t flags, std::uint8_t addresses, Bytes bytes) {
  const auto step = static_cast<Step>(flags % static_cast<unsigned>(Step::count));
  const bool exact = (flags & 0x80) != 0;
  const std::uint16_t port = (flags & 0x40) != 0 ? kLan : kWan;
  const std::uint32_t peer = (flags & 0x20) != 0 ? 1 : 0;
  if (step == Step::packet || step == Step::sealed || step == Step::tun) {
    if ((flags & 0x10) != 0) {
      bytes = (flags & 0x08) != 0 ? udp("fd01::2", 1, "fd02::9", 2, bytes)
                                  : udp("10.1.0.2", 1, "10.2.0.9", 2, bytes);
    }
    set_addresses(&bytes, addresses >> 4, addresses & 0x0f);
    repair_ipv4(&bytes);
  }
  if (step == Step::twin) {
    g->bench.from_twin(port, bytes);
    return false;
  }
  if (step == Step::tun) {
    g->bench.from_tun(bytes);
    return true;
  }
  if (step == Step::sealed) {
    bytes = seal(g->keys[peer].receive, kSessions + peer, g->counter++, bytes);
  } else if (step == Step::message) {
    repair_mac1(&bytes, &g->mac);
  }
  Bytes frame = bytes;
  if (step != Step::frame) {
    const bool wrapped = step == Step::sealed || step == Step::message;
    frame = ethernet(g->bench.mac(port),
                     !wrapped ? bytes
                              : udp(peer == 1 ? "2001:db8::2" : "192.0.2.2", 40000,
                                    peer == 1 ? "2001:db8::1" : "192.0.2.1", kListenPort, bytes));
  }
  if (exact) {
    receive_exact(&g->bench, port, frame);
  } else {
    g->bench.receive(port, frame);
  }
  return port == kLan || step == Step::sealed;
}

// ---------------------------------------------------------------- what comes out

void check_leaving(const Bytes& frame) {
  require(frame.size() > 14);
  const Bytes packet = cut(frame, 14);
  const auto parsed = wire::parse_ip(std::as_bytes(std::span(packet)));
  require(parsed.has_value());
  require(get16(frame, 12) == (parsed->family == abi::Family::ipv4 ? 0x0800 : 0x86dd));
  require(parsed->family != abi::Family::ipv4 ||
          internet_sum(cut(packet, 0, parsed->header_length)) == 0);
}

// A data message from us to a peer, or a route that the configuration lets leave as it is.
bool may_leave(const Bytes& frame) {
  const Bytes packet = cut(frame, 14);
  const bool v4 = packet[0] >> 4 == 4;
  const Bytes to = v4 ? cut(packet, 16, 4) : cut(packet, 24, 16);
  if (v4 && to[0] == 10 && to[1] == 7) {
    return true;
  }
  const std::size_t header = ip_header_size(packet);
  return packet[v4 ? 9 : 6] == 17 && to == raw(address(v4 ? "192.0.2.2" : "2001:db8::2")) &&
         packet.size() >= header + 8 + 32 && get16(packet, header) == kListenPort &&
         packet[header + 8] == 4;
}

void work(Gateway* g, bool must_be_sealed) {
  dataplane::Worker& worker = *g->bench.manager().workers()[0];
  for (int i = 0; i < 3; ++i) {
    worker.online();
    while (worker.poll()) {
    }
    worker.offline();
    g->bench.manager().round();
    require(g->bench.link().poll().has_value());
  }
  for (const std::uint16_t port : {kWan, kLan}) {
    for (const Bytes& frame : g->bench.sent(port)) {
      if (must_be_sealed) {
        check_leaving(frame);
        require(port == kLan || may_leave(frame));
      }
    }
    g->bench.at_twin(port);
  }
  g->bench.at_tun();
  for (const abi::PacketRecord& punt : g->bench.punts()) {
    require(punt.length == 148 || punt.length == 92 || punt.length == 64);
  }
  g->bench.punts().clear();
  g->bench.forget_events();
  // What is parked comes to no more than this, and the pool's cache holds some.
  require(g->bench.buffers_out() < 4096 + 512);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Gateway* g = gateway();
  // Steps: flags, addresses, length in two bytes, bytes.
  while (size >= 4) {
    const std::size_t length =
        std::min({static_cast<std::size_t>(data[2] | data[3] << 8), kLongest, size - 4});
    const Bytes bytes(data + 4, data + 4 + length);
    const bool must_be_sealed = take_step(g, data[0], data[1], bytes);
    work(g, must_be_sealed);
    data += 4 + length;
    size -= 4 + length;
  }
  return 0;
}
