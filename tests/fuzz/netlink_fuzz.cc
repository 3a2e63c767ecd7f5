// Any datagrams: the follower's changes must add up, and the FIB builder must take them.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "control/route/fib_builder.h"
#include "control/route/netlink_follower.h"
#include "control/route/underlay.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gotthard;
  config::Config config;
  config.ports.resize(2);
  config.ports[0].name = "wan";
  config.ports[1].name = "lan";
  config.wireguard.resize(1);
  config.wireguard[0].name = "wg0";
  std::uint64_t serial = 0;
  route::FibBuilder fib({[&](const abi::CommandBody& command) {
                           ++serial;
                           if (!abi::decode_command(abi::encode(command, serial))) {
                             __builtin_trap();
                           }
                           return serial;
                         },
                         [](std::uint16_t, const abi::Address&) {}});
  Nanoseconds now = kSecond;
  fib.configure(config, now);
  fib.set_mark(0, 5);
  fib.attach(now);
  // Endpoints of a tunnel whose packets rules may route.
  fib.set_endpoint(0, 1, {abi::Family::ipv4, {10, 9, 0, 9}});
  fib.set_endpoint(0, 2, {abi::Family::ipv6, {0x20, 0x01, 0x0d, 0xb8, 9}});
  std::uint32_t sequence = 0;
  route::NetlinkFollower follower([&](const route::Change& change) { fib.apply(change); },
                                  [&](std::span<const std::byte> request) {
                                    std::memcpy(&sequence, request.data() + 8, sizeof(sequence));
                                    return true;
                                  });
  follower.set_marks({5}, now);
  follower.start(now);
  // Pieces of up to 255 bytes, each behind its length and its use: 0 the end of the running dump,
  // odd a whole datagram, else the body of a message of that type.
  while (size > 1) {
    const std::size_t length = std::min<std::size_t>(data[0], size - 2);
    const std::uint8_t use = data[1];
    std::vector<std::byte> datagram;
    if (use % 2 == 0) {
      const auto total = static_cast<std::uint32_t>(use == 0 ? 20 : 16 + length);
      // RTM_NEWLINK to RTM_GETRULE, and those of next-hop objects.
      const std::uint32_t number = 16U + use / 2 % 20;
      const std::uint32_t type = use == 0 ? 3U : number < 34 ? number : 104 + number % 2;
      const std::uint32_t flags = use == 0 ? 2U : (use & 0x80U) << 1;  // NLM_F_MULTI, REPLACE
      const std::array<std::uint32_t, 4> header{total, type | flags << 16, sequence, 0};
      datagram.resize(std::max<std::size_t>(total, 20));
      std::memcpy(datagram.data(), header.data(), sizeof(header));
      std::memcpy(datagram.data() + 16, data + 2, use == 0 ? 0 : length);
    } else {
      const auto* bytes = reinterpret_cast<const std::byte*>(data + 2);
      datagram.assign(bytes, bytes + length);
    }
    data += 2 + length;
    size -= 2 + length;
    now += 50 * kMillisecond;
    follower.on_datagram(datagram, true, now);
    follower.on_time(now);
    fib.flush(now);
    fib.on_applied(serial);
    (void)fib.outer_way(1);
    (void)fib.rules_not_followed();
  }
  return 0;
}
