// A device between datagrams of anybody: raw ones, and ones whose macs are made good so that what
// is behind them is reached. Nothing but a peer that holds its key may change what the device
// keeps.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "control/noise/device.h"
#include "crypto/bytes.h"
#include "crypto/init.h"

namespace {

using namespace gotthard;
using namespace gotthard::noise;

crypto::PrivateKey key(std::uint8_t first) {
  crypto::PrivateKey made;
  made.bytes()[1] = std::byte{first};  // clamping clears the low bits of byte 0
  crypto::clamp(made);
  return made;
}

Device make_device(std::uint8_t own, std::uint8_t other, std::uint32_t* used) {
  Randomness randomness = [state = std::uint64_t{own}](std::span<std::byte> out) mutable {
    for (std::byte& byte : out) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      byte = static_cast<std::byte>(state >> 56);
    }
  };
  SessionIds ids{[used]() -> std::optional<std::uint32_t> { return 256 + (*used)++; },
                 [](std::uint32_t) {}};
  auto device = Device::create(key(own), randomness, ids);
  if (!device || !device->add_peer(0, crypto::public_key(key(other)),
                                   {{}, Endpoint{{abi::Family::ipv4, {192, 0, 2, 1}}, 1}, 0}, {})) {
    std::abort();
  }
  return std::move(*device);
}

template <typename Message>
std::vector<std::byte> with_macs(std::optional<Message> message, const crypto::PublicKey& to) {
  static auto mac = crypto::Blake2sMac::create();
  CookieJar(to).add_macs(*message, 0, *mac);
  return to_datagram(*message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = crypto::init().has_value();
  if (!ready || size < 2) {
    return 0;
  }
  const std::uint8_t mode = data[0];
  const std::span<const std::byte> input(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  std::uint32_t used = 0;
  Device device = make_device(1, 2, &used);
  const Endpoint from{{abi::Family::ipv6, {0x20, 1}}, 7};
  const Time now{1000 * kSecond, 1'700'000'000 * kSecond};
  const bool under_load = (mode & 1) != 0;
  if ((mode & 2) != 0) {
    (void)device.need_handshake(0, now);  // an initiation with id 256 is in flight
  }
  const auto before = device.status(0);
  const std::uint32_t ids_before = used;

  Actions actions;
  if (const auto initiation = parse_initiation(input)) {
    actions =
        device.on_datagram(with_macs(initiation, device.public_key()), from, {}, now, under_load);
  } else if (const auto response = parse_response(input)) {
    actions =
        device.on_datagram(with_macs(response, device.public_key()), from, {}, now, under_load);
  } else {
    actions = device.on_datagram(input, from, {}, now, under_load);
  }
  for (const Action& action : actions) {
    const auto* sent = std::get_if<SendDatagram>(&action);
    const bool cookie_reply = sent != nullptr && under_load && sent->bytes.size() == 64;
    if (!cookie_reply && !std::holds_alternative<HandshakeFailed>(action)) {
      std::abort();
    }
  }
  const auto after = device.status(0);
  if (used != ids_before || after->timestamps != before->timestamps ||
      after->endpoint != before->endpoint || after->in_flight != before->in_flight) {
    std::abort();
  }
  (void)device.on_datagram(input, from, {}, now, under_load);
  (void)device.on_tick(0, {}, now);
  return 0;
}
