// ESP as tests send and expect it: sealed by libsodium and OpenSSL, apart from the code under test.
#pragma once

#include <memory>

#include "crypto/suite.h"
#include "tests/packet/bench.h"

namespace gotthard::packet_test {

// One direction.
struct EspSa {
  crypto::Suite suite = crypto::Suite::aes128_gcm;
  bool extended = false;
  std::uint32_t spi = 0;
  Bytes key;  // of cipher and MAC
  Bytes salt;
};

// From SPI to ICV. `text` is sealed as it is; `low` stands in the packet, all of `sequence` is
// authenticated.
Bytes esp_seal_text(const EspSa& sa, std::uint64_t sequence, const Bytes& text);
// With padding and trailer as RFC 4303, 2.4, has them.
Bytes esp_seal(const EspSa& sa, std::uint64_t sequence, const Bytes& payload,
               std::uint8_t next_header);
Bytes with_trailer(const EspSa& sa, Bytes payload, std::uint8_t next_header);

// Children, by the number of their peer.
enum Child : std::uint32_t { kEsp4 = 2, kEsp6 = 3, kUdp4 = 4, kUdp6 = 5 };
inline constexpr std::uint16_t kNatPort = 4500;
inline constexpr std::uint16_t kIpsec = 1;  // the interface
inline constexpr std::uint32_t kToPolicy = 20;
inline constexpr std::uint16_t kIpsecMtu = 1400;

struct SaPair {
  std::uint32_t local_id = 0;
  EspSa in;   // we open
  EspSa out;  // we seal
};

// A bench with an IPsec interface beside the WireGuard one, whose children are 10.12/16 and
// fd12::/16 (peer 2) to 10.15/16 and fd15::/16 (peer 5), all for 10.1/16 and fd01::/16.
class EspBench {
 public:
  explicit EspBench(unsigned workers = 1);

  struct Terms {
    crypto::Suite suite = crypto::Suite::aes128_gcm;
    bool extended = false;
    std::uint8_t options = 0;
    abi::KeyUse use = abi::KeyUse::now;
    std::uint32_t local_id = 0x1001;
    abi::SaInstall limits{};  // only those are looked at
    std::uint32_t window = 1024;
  };
  SaPair install(std::uint32_t child) { return install(child, Terms()); }
  SaPair install(std::uint32_t child, const Terms& terms);
  static abi::SaInstall command(std::uint32_t child, const Terms& terms, const SaPair& pair);
  abi::PeerSet peer(std::uint32_t child) const;
  void select(std::uint32_t child, const std::vector<abi::SelectorAdd>& selectors,
              std::uint16_t spread = 1, std::uint32_t order = 0);
  static abi::SelectorAdd selector(abi::SelectorSide side, const std::string& prefix,
                                   unsigned length);
  std::vector<abi::SelectorAdd> selectors(std::uint32_t child) const;
  // ESP from the child's peer, in UDP when that is the child's way.
  void receive(std::uint32_t child, const Bytes& esp, unsigned worker = 0);
  static Bytes outer(std::uint32_t child, const Bytes& esp);
  // What is behind the outer headers of a frame that left the underlay, which are checked.
  static Bytes esp_in(const Bytes& frame, std::uint32_t child);
  // Inner packets there and back.
  static Bytes to(std::uint32_t child, bool v6 = false, std::size_t size = 20);
  static Bytes from(std::uint32_t child, bool v6 = false, std::size_t size = 20);
  std::vector<Bytes> at_tun();
  void from_tun(const Bytes& packet);

  Bench bench;

 private:
  UniqueFd tun_;
};

inline bool is_v6(std::uint32_t child) { return child == kEsp6 || child == kUdp6; }
inline bool in_udp(std::uint32_t child) { return child >= kUdp4; }

inline constexpr std::uint8_t kIpv4Inside = 4;
inline constexpr std::uint8_t kIpv6Inside = 41;
inline constexpr std::uint8_t kNothingInside = 59;

}  // namespace gotthard::packet_test
