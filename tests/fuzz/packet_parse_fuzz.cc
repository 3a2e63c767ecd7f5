// Any bytes as an IP packet, and any record that control may inject: what the parsers accept lies
// within the packet, and what is written can be read back. Packets are in heap buffers of exactly
// their size, so that the sanitizer sees a read beyond either end.
#include <rte_ip.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "dataplane/manager/handshake_packets.h"
#include "dataplane/manager/reassembly.h"
#include "dataplane/wire/fragment.h"
#include "dataplane/wire/icmp.h"
#include "dataplane/wire/ip.h"
#include "dataplane/wire/path_mtu.h"
#include "dataplane/wire/tcp.h"
#include "dataplane/wire/udp.h"
#include "nic/pool.h"
#include "tests/fuzz/eal.h"
#include "tests/packet/frames.h"

namespace {

using namespace gotthard;
using namespace gotthard::dataplane;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

rte_mempool* make_pool() {
  fuzz::start_eal(64);
  return nic::create_pool("packets", 1023, 1500, 0).value();
}

class Exact {
 public:
  explicit Exact(std::span<const std::byte> from)
      : bytes_(new std::byte[from.size()]), size_(from.size()) {
    std::copy(from.begin(), from.end(), bytes_.get());
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {bytes_.get(), size_}; }
  [[nodiscard]] std::byte* data() const { return bytes_.get(); }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_;
};

void check_address(const abi::Address& address, wire::Family family) {
  require(address.family == family);
  require(family == wire::Family::ipv6 ||
          std::all_of(address.bytes.begin() + 4, address.bytes.end(),
                      [](std::uint8_t byte) { return byte == 0; }));
}

void check_ipv4(const Exact& buffer, const wire::IpPacket& packet) {
  auto* header = reinterpret_cast<wire::Ipv4Header*>(buffer.data());
  require(packet.header_length == (header->version_ihl & 0x0fU) * 4 && packet.header_length >= 20);
  require(packet.length == header->total_length.get());
  const bool right = wire::ipv4_checksum_ok(*header, packet.header_length);
  if (header->ttl > 0) {
    wire::decrement_ttl(header);
    require(wire::ipv4_checksum_ok(*header, packet.header_length) == right);
  }
  if (packet.header_length == sizeof(*header)) {
    header->checksum.set(0);
    header->checksum.set(wire::ipv4_checksum(*header));
    require(wire::ipv4_checksum_ok(*header, sizeof(*header)));
  }
}

void parse_ip(const Exact& buffer) {
  const auto bytes = buffer.bytes();
  const auto packet = wire::parse_ip(bytes);
  if (!packet) {
    return;
  }
  const bool v4 = packet->family == wire::Family::ipv4;
  require(static_cast<int>(bytes[0]) >> 4 == (v4 ? 4 : 6));
  require(packet->header_length <= packet->length && packet->length <= bytes.size());
  require(packet->fragment || !packet->first_fragment);
  check_address(wire::source_of(bytes.data(), packet->family), packet->family);
  check_address(wire::destination_of(bytes.data(), packet->family), packet->family);
  (void)wire::forwardable_destination(bytes.data(), packet->family);
  if (v4) {
    check_ipv4(buffer, *packet);
  } else {
    require(packet->header_length == sizeof(wire::Ipv6Header));
  }
}

// With a right checksum too, or few of them would get any further.
void parse_path_mtu(const Exact& original) {
  const Exact buffer(original.bytes());
  const auto look = [&] {
    const auto notice = wire::parse_path_mtu_notice(buffer.bytes());
    require(!notice ||
            (notice->mtu >= 68 && notice->payload.size() <= buffer.bytes().size() &&
             (notice->payload.empty() || &notice->payload.back() <= &buffer.bytes().back())));
  };
  look();
  const auto packet = wire::parse_ip(buffer.bytes());
  if (!packet || packet->length < packet->header_length + sizeof(wire::IcmpHeader)) {
    return;
  }
  auto* icmp = reinterpret_cast<wire::IcmpHeader*>(buffer.data() + packet->header_length);
  icmp->checksum.set(0);
  if (packet->family == wire::Family::ipv4) {
    const std::size_t size = packet->length - packet->header_length;
    icmp->checksum.set_raw(static_cast<std::uint16_t>(~rte_raw_cksum(icmp, size)));
  } else {
    icmp->checksum.set_raw(
        rte_ipv6_udptcp_cksum(reinterpret_cast<const rte_ipv6_hdr*>(buffer.data()), icmp));
  }
  look();
}

void parse_handshake(std::span<const std::byte> bytes) {
  const PacketNote note{.port = 1, .interface = 2, .peer = 3, .local_id = 4};
  const auto moved = to_move(bytes, note);
  const auto record = to_record(bytes, note);
  if (!record) {
    return;
  }
  const auto packet = wire::parse_ip(bytes);
  require(packet.has_value() && moved.has_value());
  const std::size_t payload = packet->header_length + sizeof(wire::UdpHeader);
  require(record->length <= abi::kMaxPayload && payload + record->length <= packet->length);
  require(std::memcmp(record->payload.data(), bytes.data() + payload, record->length) == 0);
  require(std::all_of(record->payload.begin() + record->length, record->payload.end(),
                      [](std::byte byte) { return byte == std::byte{}; }));
  check_address(record->remote, packet->family);
  check_address(record->local, packet->family);
  require(record->remote == moved->remote && record->local == moved->local &&
          record->remote_port == moved->remote_port);
  require(record->interface == note.interface && record->port == note.port);
  require(abi::valid(*record) ==
          (record->length > 0 && record->remote_port != 0 && record->local_port != 0));
}

// What control injects comes out as a whole packet that says the same.
void write_handshake(std::span<const std::byte> bytes) {
  static rte_mempool* const kPool = make_pool();
  abi::PacketRecord record;
  std::memcpy(static_cast<void*>(&record), bytes.data(), std::min(bytes.size(), sizeof(record)));
  if (!abi::valid(record)) {
    return;
  }
  rte_mbuf* mbuf = to_packet(record, record.remote_port, kPool);
  require(mbuf != nullptr);
  const Exact buffer(frame_bytes(mbuf));
  rte_pktmbuf_free(mbuf);
  const auto packet = wire::parse_ip(buffer.bytes());
  require(packet.has_value() && packet->length == buffer.bytes().size());
  require(packet->protocol == wire::kProtocolUdp && !packet->fragment);
  const auto* first = reinterpret_cast<const std::uint8_t*>(buffer.data());
  const packet_test::Bytes copy(first, first + buffer.bytes().size());
  require(packet_test::udp_sum(copy) == 0);
  const auto back = to_record(buffer.bytes(), {.interface = record.interface});
  require(back.has_value() && back->length == record.length);
  require(back->remote == record.local && back->local == record.remote);
  require(back->remote_port == record.local_port && back->local_port == record.remote_port);
  require(std::memcmp(back->payload.data(), record.payload.data(), record.length) == 0);
  parse_ip(buffer);
}

// A segment changes in its MSS and checksum at most.
void fit_segment(std::span<const std::byte> input) {
  const Exact segment(input);
  wire::clamp_mss({segment.data(), input.size()}, 1380);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < input.size(); ++i) {
    changed += segment.bytes()[i] != input[i] ? 1 : 0;
  }
  require(changed <= 4);
}

// The pieces of a packet hold its data once, each within the MTU.
void cut_and_join(std::span<const std::byte> input) {
  constexpr std::uint16_t kMtu = 576;
  const Exact packet(input);
  (void)wire::may_answer(packet.bytes());
  const auto parsed = wire::parse_ip(packet.bytes());
  std::size_t data = 0;
  for (const wire::Packet& piece : wire::cut(packet.bytes(), kMtu, 1)) {
    const auto part = wire::parse_ip(piece);
    require(part.has_value() && part->length == piece.size() && piece.size() <= kMtu);
    const std::size_t headers =
        part->header_length + (part->family == wire::Family::ipv6 ? sizeof(wire::Ipv6Fragment) : 0);
    data += piece.size() - headers;
  }
  require(data == 0 || data == parsed->length - parsed->header_length);
}

// Frames from the wire: two bytes of length, then as many of a frame.
void join(std::span<const std::byte> input) {
  static const Topology kPorts = [] {
    Topology ports;
    ports.interface_count = 1;
    ports.interfaces[0].used = true;
    return ports;
  }();
  Reassembly reassembly;
  while (input.size() > 2) {
    const std::size_t wanted =
        static_cast<std::size_t>(input[0]) | static_cast<std::size_t>(input[1]) << 8;
    const Exact frame(input.subspan(2, std::min(wanted, input.size() - 2)));
    const auto result = reassembly.take(0, frame.bytes(), kPorts, 0);
    for (const wire::Packet& whole : result.ours) {
      const auto parsed = wire::parse_ip(std::span(whole).subspan(14));
      require(parsed.has_value() && !parsed->fragment && parsed->length + 14U == whole.size());
    }
    require(reassembly.bytes() <= Reassembly::kBytes);

    input = input.subspan(2 + frame.bytes().size());
  }
  (void)reassembly.expire(Reassembly::kWait);
  require(reassembly.bytes() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> input(reinterpret_cast<const std::byte*>(data), size);
  parse_handshake(Exact(input).bytes());
  parse_path_mtu(Exact(input));
  parse_ip(Exact(input));
  fit_segment(input);
  cut_and_join(input);
  join(input);
  write_handshake(input);
  return 0;
}
