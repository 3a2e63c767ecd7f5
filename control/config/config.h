// The configuration as it was written, checked: what the supervisor sets up and what control acts
// on. Addresses are host names nowhere but in a peer's endpoint and a connection's remote; keys are
// files, opened by the supervisor.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "crypto/backend.h"
#include "dataplane/abi/records.h"

namespace gotthard::config {

using abi::Address;

struct Prefix {
  Address address;  // host bits zero where it names a network
  std::uint8_t length = 0;
  bool operator==(const Prefix&) const = default;
  auto operator<=>(const Prefix&) const = default;
};

// An address with the prefix of its network: "192.0.2.1/24" keeps its host bits.
using InterfaceAddress = Prefix;

enum class Hugepages : std::uint8_t { automatic, never, required };
enum class Idle : std::uint8_t { adaptive, poll };
enum class Spread : std::uint8_t { automatic, never, always };

struct Dataplane {
  std::optional<unsigned> workers;  // or cores
  std::vector<unsigned> cores;
  Hugepages hugepages = Hugepages::automatic;
  Idle idle = Idle::adaptive;
  crypto::Backend aead = crypto::Backend::automatic;
  Spread spread = Spread::automatic;    // one peer's packets over workers
  std::optional<unsigned> mbufs;        // per socket; by default what queues and workers need
  unsigned routes = 65536;              // prefixes per family that the tables have room for
  std::uint32_t replay_window = 65536;  // packets
  bool operator==(const Dataplane&) const = default;
};

struct Log {
  log::Format format = log::Format::logfmt;
  log::Level level = log::Level::info;
  bool operator==(const Log&) const = default;
};

enum class Role : std::uint8_t { underlay, inside };

struct Port {
  std::string name;  // of its kernel twin too
  Role role = Role::underlay;
  std::string device;  // PCI address or vdev string
  std::vector<InterfaceAddress> addresses;
  std::uint16_t mtu = 1500;
  std::vector<Prefix> allow_plain;  // destinations that inside packets may reach unsealed
  // The kernel device beneath a net_af_packet or net_af_xdp vdev, empty for others.
  [[nodiscard]] std::string kernel_device() const;
  bool operator==(const Port&) const = default;
};

struct Route {
  Prefix destination;
  std::optional<Address> via;  // or interface
  std::string interface;       // a [[wireguard]] or [[port]] name
  bool operator==(const Route&) const = default;
};

enum class RoutePolicy : std::uint8_t { allowed_ips, all, none };

struct Endpoint {
  std::string host;                // literal address or DNS name
  std::uint16_t port = 0;          // host byte order
  std::optional<Address> address;  // when `host` is a literal
  bool operator==(const Endpoint&) const = default;
};

struct Peer {
  std::string name;
  std::array<std::uint8_t, 32> public_key{};
  std::string preshared_key_file;  // absolute; empty for none
  std::optional<Endpoint> endpoint;
  std::vector<Prefix> allowed_ips;
  std::uint16_t persistent_keepalive = 0;  // seconds, 0 off
  bool operator==(const Peer&) const = default;
};

struct WireGuard {
  std::string name;
  std::uint16_t listen_port = 51820;  // host byte order
  std::string private_key_file;       // absolute; empty: none, only when it was taken away live
  std::uint32_t fwmark = 0;           // 0: none
  std::vector<InterfaceAddress> addresses;
  std::uint16_t mtu = 1420;
  RoutePolicy routes = RoutePolicy::allowed_ips;
  std::uint16_t reorder_budget = 4096;
  bool copy_dscp = false;  // else the outer packets' is zero
  bool mss_clamp = false;
  std::uint8_t source_ports = 1;  // from listen_port on
  std::vector<Peer> peers;
  bool operator==(const WireGuard&) const = default;
};

// ---------------------------------------------------------------- IPsec

// As RFC 7296, 3.13.1, has it: a prefix, and what of it.
struct TrafficSelector {
  Prefix prefix;
  std::uint8_t protocol = 0;  // any
  std::uint16_t first_port = 0;
  std::uint16_t last_port = 65535;
  bool operator==(const TrafficSelector&) const = default;
};

struct EspSuite {
  std::uint8_t suite = 0;  // crypto::Suite
  bool extended = false;   // sequence numbers
  bool operator==(const EspSuite&) const = default;
};

// Keys of a pair of SAs that were not negotiated: for tests. Each is used once in its life.
struct LabKeys {
  EspSuite suite;
  std::uint32_t in_spi = 0;
  std::string in_key_file;  // absolute
  std::uint32_t out_spi = 0;
  std::string out_key_file;
  // Of keys that come after others: seals with them at once. The peer has them by then, and seals
  // with them from the first packet on that it opens with them.
  bool initiator = true;
  bool operator==(const LabKeys&) const = default;
};

// 0: no limit.
struct Lifetimes {
  std::uint64_t seconds = 0;
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;
  bool operator==(const Lifetimes&) const = default;
};

// What is done for a child in the beginning, when its peer has closed it, when its peer is gone.
enum class ChildAction : std::uint8_t { none, trap, start };

struct Child {
  std::string name;
  std::vector<TrafficSelector> local_ts;
  std::vector<TrafficSelector> remote_ts;
  bool transport = false;
  Lifetimes life;  // hard
  // Of IKE, in swanctl's words.
  std::vector<std::string> esp_proposals;  // empty: the default
  Lifetimes rekey{.seconds = 3600};
  ChildAction start_action = ChildAction::none;
  ChildAction close_action = ChildAction::none;
  ChildAction dpd_action = ChildAction::none;
  // Of several, which have the same selectors, each worker seals with its own (RFC 9611).
  std::vector<LabKeys> lab_keys;
  bool operator==(const Child&) const = default;
};

enum class Encapsulation : std::uint8_t { automatic, udp, none };

// Where a peer may be.
struct Remote {
  Address address;   // family none: by its name
  std::string name;  // to be resolved
  bool operator==(const Remote&) const = default;
};

enum class IkeAuth : std::uint8_t { psk, certificate };

// How one of the two ends shows who it is. File names are absolute.
struct IkeEnd {
  std::string id;  // as swanctl writes it; empty: local the address or the certificate's subject
  IkeAuth auth = IkeAuth::psk;
  std::string scheme;    // of our signatures, as "rsa/pss-sha256"; empty: any that fits
  std::string psk_file;  // empty: the other end's
  std::vector<std::string> cert_files;  // local: our own first, then authorities between
  std::string key_file;
  std::vector<std::string> ca_files;  // remote: whom we trust
  std::vector<std::string> crl_files;
  bool strict_revocation = false;
  bool operator==(const IkeEnd&) const = default;
};

enum class Unique : std::uint8_t { never, no, keep, replace };

// Seconds; 0: never.
struct Ike {
  IkeEnd local;
  IkeEnd remote;
  std::vector<std::string> proposals;  // empty: the default
  std::uint64_t rekey_time = 14400;
  std::uint64_t over_time = 1440;  // after it an SA that was not replaced ends
  std::uint64_t reauth_time = 0;
  std::uint64_t dpd_delay = 0;
  bool fragmentation = true;
  Unique unique = Unique::no;
  bool operator==(const Ike&) const = default;
};

struct Connection {
  std::string name;
  std::optional<Ike> ike;        // none: lab keys
  std::optional<Address> local;  // none: routing decides
  // In the order in which they are tried; none: it is wherever it is heard first.
  std::vector<Remote> remotes;
  std::uint16_t remote_port = 4500;  // of ESP in UDP
  Encapsulation encapsulation = Encapsulation::automatic;
  std::uint16_t reorder_budget = 32;
  bool allow_legacy = false;
  bool lab = false;
  abi::DontFragment dont_fragment = abi::DontFragment::clear;
  std::optional<std::uint8_t> dscp;  // none: as the interface's `dscp` says
  std::uint16_t keepalive = 20;      // seconds, of ESP in UDP; 0: none
  std::vector<Child> children;
  [[nodiscard]] bool by_name() const {
    return std::any_of(remotes.begin(), remotes.end(),
                       [](const Remote& remote) { return !remote.name.empty(); });
  }
  bool operator==(const Connection&) const = default;
};

struct Ipsec {
  std::string name;
  std::vector<InterfaceAddress> addresses;
  std::uint16_t mtu = 1400;                       // "auto": worked out from ports and connections
  RoutePolicy routes = RoutePolicy::allowed_ips;  // remote_ts
  std::uint16_t udp_port = 4500;                  // host byte order
  bool copy_dscp = false;
  bool mss_clamp = false;
  bool fragment_after = false;  // sealing, instead of before
  std::vector<Connection> connections;
  bool operator==(const Ipsec&) const = default;
};

[[nodiscard]] bool speaks_ike(const Ipsec& ipsec);

// Their ports are not apart.
[[nodiscard]] bool listen_together(std::uint16_t port, const WireGuard& wireguard,
                                   const WireGuard& other);

struct Config {
  Dataplane dataplane;
  Log log;
  std::vector<Port> ports;  // index: port number in all records
  std::vector<Route> routes;
  std::vector<WireGuard> wireguard;  // index: interface number in all records
  std::vector<Ipsec> ipsec;          // their numbers go on where WireGuard's end
  bool operator==(const Config&) const = default;
};

// What all tunnel interfaces are to the host, by number.
struct TunnelDevice {
  std::string name;
  std::vector<InterfaceAddress> addresses;
  std::uint16_t mtu = 0;
  RoutePolicy routes = RoutePolicy::none;
  bool ipsec = false;
};
[[nodiscard]] std::vector<TunnelDevice> tunnel_devices(const Config& config);
// The destinations that are sent into an IPsec interface.
[[nodiscard]] std::vector<Prefix> remote_prefixes(const Ipsec& ipsec);
// Things of the configuration that nobody should leave so, each a sentence.
[[nodiscard]] std::vector<std::string> audit(const Config& config);

// Strict: unknown keys, wrong types, values out of range, duplicates and contradictions are
// refused. The error names `path` and the line, and says what to write instead. `path` is also the
// base of relative file names. Does not touch the file system.
Result<Config> parse(std::string_view toml, const std::string& path);

// Reads `path` and parses it, then checks the key files it names: they exist, are read by nobody
// but their owner, hold a key.
Result<Config> load(const std::string& path);

// Part of INTERFACE/NAME in operators' commands, and a word in tables and logs.
[[nodiscard]] bool valid_peer_name(const std::string& name);

// 32 bytes in base64, as `wg` writes them.
Result<std::array<std::uint8_t, 32>> parse_key(std::string_view text);
Result<Prefix> parse_prefix(std::string_view text);  // host bits must be zero
Result<InterfaceAddress> parse_interface_address(std::string_view text);
Result<Address> parse_address(std::string_view text);
[[nodiscard]] bool valid_host(std::string_view name);    // RFC 1123, 2.1, and '_'
Result<Endpoint> parse_endpoint(std::string_view text);  // "HOST:PORT", "[IPV6]:PORT"
// "10.1.0.0/16", "10.1.0.0/16[tcp]", "10.1.0.0/16[udp/53]", "10.1.0.0/16[tcp/1024-65535]"
Result<TrafficSelector> parse_selector(std::string_view text);
// "aes256gcm16-esn"; swanctl's words.
Result<EspSuite> parse_esp_suite(std::string_view text);
[[nodiscard]] std::string to_string(const EspSuite& suite);
[[nodiscard]] std::string to_string(const TrafficSelector& selector);
[[nodiscard]] bool is_legacy(const EspSuite& suite);
[[nodiscard]] std::string to_string(const Address& address);
[[nodiscard]] std::string to_string(const Prefix& prefix);
[[nodiscard]] std::string to_string(const Endpoint& endpoint);
[[nodiscard]] std::string key_to_string(const std::array<std::uint8_t, 32>& key);

}  // namespace gotthard::config
