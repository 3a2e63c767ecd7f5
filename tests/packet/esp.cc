#include "tests/packet/esp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "crypto/random.h"
#include "tests/unit/crypto_reference.h"

namespace gotthard::packet_test {
namespace {

using Reference = crypto::testing::Bytes;

Reference to_reference(const Bytes& bytes) {
  const auto view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}
Bytes from_reference(const Reference& bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {data, data + bytes.size()};
}

Bytes big32(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
          static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

std::string local_end(std::uint32_t child) { return is_v6(child) ? "2001:db8::1" : "192.0.2.1"; }
std::string remote_end(std::uint32_t child) { return is_v6(child) ? "2001:db8::2" : "192.0.2.2"; }
std::string number(std::uint32_t child) { return std::to_string(10 + child); }

}  // namespace

Bytes esp_seal_text(const EspSa& sa, std::uint64_t sequence, const Bytes& text) {
  const auto high = static_cast<std::uint32_t>(sequence >> 32);
  const auto low = static_cast<std::uint32_t>(sequence);
  const Bytes header = cat(big32(sa.spi), big32(low));
  const Bytes aad = sa.extended ? cat(cat(big32(sa.spi), big32(high)), big32(low)) : header;
  const Bytes counter = cat(big32(high), big32(low));
  const Bytes nonce = cat(sa.salt.empty() ? Bytes(4) : sa.salt, counter);
  const auto sealed = crypto::testing::reference_seal(
      sa.suite, to_reference(sa.key), to_reference(nonce), to_reference(aad), to_reference(text));
  const Bytes iv = sealed.iv.empty() ? counter : from_reference(sealed.iv);
  return cat(cat(cat(header, iv), from_reference(sealed.text)), from_reference(sealed.tag));
}

Bytes with_trailer(const EspSa& sa, Bytes payload, std::uint8_t next_header) {
  const std::size_t unit = std::max<std::size_t>(4, crypto::text_alignment(sa.suite));
  std::uint8_t padding = 0;
  while ((payload.size() + 2) % unit != 0) {
    payload.push_back(++padding);
  }
  payload.push_back(padding);
  payload.push_back(next_header);
  return payload;
}

Bytes esp_seal(const EspSa& sa, std::uint64_t sequence, const Bytes& payload,
               std::uint8_t next_header) {
  return esp_seal_text(sa, sequence, with_trailer(sa, payload, next_header));
}

EspBench::EspBench(unsigned workers) : bench(workers) {
  bench.command(abi::InterfaceSet{.interface = kIpsec,
                                  .listen_port = htons(kNatPort),
                                  .mtu = kIpsecMtu,
                                  .kind = abi::TunnelKind::ipsec});
  bench.command(
      abi::NextHopSet{.next_hop = kToPolicy, .kind = abi::HopKind::policy, .interface = kIpsec});
  for (const std::uint32_t child : {kEsp4, kEsp6, kUdp4, kUdp6}) {
    bench.command(peer(child));
    select(child, selectors(child));
    bench.route("10." + number(child) + ".0.0", 16, kToPolicy);
    bench.route("fd" + number(child) + "::", 16, kToPolicy);
  }
  bench.route("10.19.0.0", 16, kToPolicy);  // no child has it
  bench.commit();
  std::array<int, 2> fds{-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds.data()), 0);
  tun_ = UniqueFd(fds[0]);
  bench.manager().host().set_tun(kIpsec, UniqueFd(fds[1]));
}

abi::PeerSet EspBench::peer(std::uint32_t child) const {
  abi::PeerSet set{.peer = child, .interface = kIpsec, .reorder_budget = 4096};
  set.public_key[0] = static_cast<std::uint8_t>(child + 1);
  set.endpoint = {.remote = address(remote_end(child)),
                  .local = address(local_end(child)),
                  .remote_port = htons(in_udp(child) ? 40001 : 0),
                  .local_port = htons(in_udp(child) ? kNatPort : 0),
                  .neighbour = 0};
  set.kind = in_udp(child) ? abi::PeerKind::esp_in_udp : abi::PeerKind::esp;
  return set;
}

abi::SelectorAdd EspBench::selector(abi::SelectorSide side, const std::string& prefix,
                                    unsigned length) {
  abi::SelectorAdd add{.side = side, .first = address(prefix), .last = address(prefix)};
  const unsigned bits = add.first.family == abi::Family::ipv4 ? 32 : 128;
  for (unsigned bit = length; bit < bits; ++bit) {
    add.last.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
  }
  return add;
}

std::vector<abi::SelectorAdd> EspBench::selectors(std::uint32_t child) const {
  using enum abi::SelectorSide;
  return {selector(local, "10.1.0.0", 16), selector(local, "fd01::", 16),
          selector(remote, "10." + number(child) + ".0.0", 16),
          selector(remote, "fd" + number(child) + "::", 16)};
}

void EspBench::select(std::uint32_t child, const std::vector<abi::SelectorAdd>& selectors,
                      std::uint16_t spread, std::uint32_t order) {
  abi::SelectorsCommit commit{.peer = child, .spread = spread, .order = order};
  for (abi::SelectorAdd add : selectors) {
    add.peer = child;
    ++(add.side == abi::SelectorSide::local ? commit.locals : commit.remotes);
    bench.command(add);
  }
  bench.command(commit);
}

abi::SaInstall EspBench::command(std::uint32_t child, const Terms& terms, const SaPair& pair) {
  abi::SaInstall install = terms.limits;
  install.local_id = pair.local_id;
  install.remote_id = pair.out.spi;
  install.peer = child;
  install.window = terms.window;
  install.suite = static_cast<std::uint8_t>(terms.suite);
  install.use = terms.use;
  install.options =
      static_cast<std::uint8_t>(terms.options | (terms.extended ? abi::kExtendedSequence : 0));
  install.key_length = static_cast<std::uint8_t>(pair.in.key.size() + pair.in.salt.size());
  install.reject_after_ns = install.reject_after_ns == 0 ? 3600 * kSecond : install.reject_after_ns;
  install.erase_after_ns = std::max(install.erase_after_ns, install.reject_after_ns);
  std::ranges::copy(cat(pair.out.key, pair.out.salt), install.send_key.begin());
  std::ranges::copy(cat(pair.in.key, pair.in.salt), install.receive_key.begin());
  return install;
}

SaPair EspBench::install(std::uint32_t child, const Terms& terms) {
  SaPair pair{.local_id = terms.local_id};
  const auto random = [](std::size_t size) {
    Bytes bytes(size);
    crypto::random_bytes(std::as_writable_bytes(std::span(bytes)));
    return bytes;
  };
  const auto make = [&](std::uint32_t spi) {
    return EspSa{.suite = terms.suite,
                 .extended = terms.extended,
                 .spi = spi,
                 .key = random(crypto::key_size(terms.suite)),
                 .salt = random(crypto::salt_size(terms.suite))};
  };
  pair.in = make(terms.local_id);
  pair.out = make(0xbbbb0000U + terms.local_id);
  bench.command(command(child, terms, pair));
  bench.settle();
  return pair;
}

Bytes EspBench::outer(std::uint32_t child, const Bytes& esp) {
  return in_udp(child) ? udp(remote_end(child), 40001, local_end(child), kNatPort, esp)
                       : ip(remote_end(child), local_end(child), 50, esp);
}

void EspBench::receive(std::uint32_t child, const Bytes& esp, unsigned worker) {
  bench.receive_ip(kWan, outer(child, esp), worker);
}

Bytes EspBench::esp_in(const Bytes& frame, std::uint32_t child) {
  const bool v6 = is_v6(child);
  EXPECT_EQ(cut(frame, 0, 6), Bytes(kPeerMac.begin(), kPeerMac.end()));
  EXPECT_EQ(get16(frame, 12), v6 ? 0x86dd : 0x0800);
  const Bytes packet = cut(frame, 14);
  const std::size_t header = ip_header_size(packet);
  EXPECT_EQ(header, v6 ? 40U : 20U);
  EXPECT_EQ(packet[v6 ? 6 : 9], in_udp(child) ? 17 : 50);
  EXPECT_EQ(cut(packet, v6 ? 8 : 12, v6 ? 16 : 4), raw(address(local_end(child))));
  EXPECT_EQ(cut(packet, v6 ? 24 : 16, v6 ? 16 : 4), raw(address(remote_end(child))));
  if (v6) {
    EXPECT_EQ(get16(packet, 4) + 40U, packet.size());
  } else {
    EXPECT_EQ(get16(packet, 2), packet.size());
    EXPECT_EQ(internet_sum(cut(packet, 0, 20)), 0);
  }
  if (!in_udp(child)) {
    return cut(packet, header);
  }
  EXPECT_EQ(get16(packet, header), kNatPort);
  EXPECT_EQ(get16(packet, header + 2), 40001);
  EXPECT_EQ(get16(packet, header + 4) + header, packet.size());
  if (v6) {
    EXPECT_EQ(udp_sum(packet), 0) << "IPv6 has no UDP without checksum";
    EXPECT_NE(get16(packet, header + 6), 0);
  } else {
    EXPECT_EQ(get16(packet, header + 6), 0) << "RFC 3948, 2.1";
  }
  return cut(packet, header + 8);
}

Bytes EspBench::to(std::uint32_t child, bool v6, std::size_t size) {
  return v6 ? udp("fd01::2", 1000, "fd" + number(child) + "::9", 2000, Bytes(size, 0x5a))
            : udp("10.1.0.2", 1000, "10." + number(child) + ".0.9", 2000, Bytes(size, 0x5a));
}

Bytes EspBench::from(std::uint32_t child, bool v6, std::size_t size) {
  return v6 ? udp("fd" + number(child) + "::9", 2000, "fd01::2", 1000, Bytes(size, 0x5a))
            : udp("10." + number(child) + ".0.9", 2000, "10.1.0.2", 1000, Bytes(size, 0x5a));
}

void EspBench::from_tun(const Bytes& packet) {
  ASSERT_EQ(write(tun_.get(), packet.data(), packet.size()), static_cast<ssize_t>(packet.size()));
}

std::vector<Bytes> EspBench::at_tun() {
  std::vector<Bytes> result;
  Bytes buffer(4096);
  for (ssize_t size = 0; (size = read(tun_.get(), buffer.data(), buffer.size())) > 0;) {
    result.push_back(cut(buffer, 0, static_cast<std::size_t>(size)));
  }
  return result;
}

}  // namespace gotthard::packet_test
