#include "control/ike/sa/nat.h"

#include <algorithm>

#include "crypto/digest.h"

namespace gotthard::ike {
namespace {

// SHA-1 of SPIi | SPIr | address | port.
Buffer hash_of(const Spis& spis, const abi::Address& address, std::uint16_t port) {
  Writer input;
  input.u64(spis.initiator);
  input.u64(spis.responder);
  input.bytes(
      std::as_bytes(std::span(address.bytes)).first(address.family == abi::Family::ipv4 ? 4 : 16));
  input.u16(port);
  const auto hash = crypto::sha1({input.buffer()});
  const auto bytes = std::as_bytes(std::span(hash));
  return {bytes.begin(), bytes.end()};
}

// Several sources may come, of a sender that does not know which address it leaves by.
bool has_hash(const Payloads& payloads, NotifyType type, const Buffer& hash) {
  return std::ranges::any_of(payloads.notifies, [&](const Notify& notify) {
    return notify.type == type && std::ranges::equal(notify.data, hash);
  });
}

}  // namespace

void add_nat_detection(Turn& turn, ChainWriter& chain, const ConnectionSettings& connection,
                       const Spis& spis, const Path& path) {
  if (connection.encapsulation == UdpEncapsulation::never) {
    return;
  }
  const Buffer source = connection.encapsulation == UdpEncapsulation::forced
                            ? turn.random(20)
                            : hash_of(spis, path.local, path.local_port);
  const Buffer destination = hash_of(spis, path.remote, path.remote_port);
  add(chain, Notify{.type = NotifyType::nat_detection_source_ip, .data = source});
  add(chain, Notify{.type = NotifyType::nat_detection_destination_ip, .data = destination});
}

NatFound find_nat(const Payloads& payloads, const Spis& spis, const Path& path) {
  NatFound found;
  found.detection = payloads.has(NotifyType::nat_detection_source_ip) &&
                    payloads.has(NotifyType::nat_detection_destination_ip);
  found.there = !has_hash(payloads, NotifyType::nat_detection_source_ip,
                          hash_of(spis, path.remote, path.remote_port));
  found.here = !has_hash(payloads, NotifyType::nat_detection_destination_ip,
                         hash_of(spis, path.local, path.local_port));
  return found;
}

}  // namespace gotthard::ike
