// Any datagrams: the follower's changes must add up, and the FIB builder must take them.
#include <cstdint>
#include <cstring>
#include <vector>

#include "control/route/fib_builder.h"
#include "control/route/netlink_follower.h"

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
  fib.attach(now);
  std::uint32_t sequence = 0;
  route::NetlinkFollower follower([&](const route::Change& change) { fib.apply(change); },
                                  [&](std::span<const std::byte> request) {
                                    std::memcpy(&sequence, request.data() + 8, sizeof(sequence));
                                    return true;
                                  });
  follower.start(now);
  // Datagrams of up to 255 bytes, each behind its length; length 0 ends the running dump.
  while (size > 0) {
    const std::size_t length = std::min<std::size_t>(data[0], size - 1);
    std::vector<std::byte> datagram(length);
    std::memcpy(datagram.data(), data + 1, length);
    data += 1 + length;
    size -= 1 + length;
    now += 50 * kMillisecond;
    if (datagram.empty()) {
      datagram.resize(20);
      const std::uint32_t header[4] = {20, 3 | (2U << 16), sequence, 0};
      std::memcpy(datagram.data(), header, sizeof(header));
    }
    follower.on_datagram(datagram, true, now);
    follower.on_time(now);
    fib.flush(now);
    fib.on_applied(serial);
  }
  return 0;
}
