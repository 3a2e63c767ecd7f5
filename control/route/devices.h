// Our ports, the VLANs that the kernel has of them, and tunnel interfaces, and what it says of
// their links: which is which, MTUs, addresses.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/route/changes.h"

namespace gotthard::route {

enum class DeviceKind : std::uint8_t { none, port, tunnel };
struct Device {
  DeviceKind kind = DeviceKind::none;  // none: the host's own link, not ours
  std::uint16_t number = 0;            // a port's, also its VLAN's, is abi::link_of()
  bool operator==(const Device&) const = default;
};

// As in abi::LocalAddressSet.
[[nodiscard]] std::uint16_t owner_number(const Device& device);

struct OwnedAddress {
  std::uint16_t owner = 0;
  Address address;
  bool operator==(const OwnedAddress&) const = default;
  auto operator<=>(const OwnedAddress&) const = default;
};

class Devices {
 public:
  void configure(const config::Config& config);
  struct Changed {
    bool another = false;  // which link is which, or an MTU
    bool usable = false;   // or no more
  };
  Changed set(const Link& link);
  [[nodiscard]] bool remove(const LinkGone& gone);
  void set(const LocalAddress& address);
  void remove(const LocalAddressGone& gone);
  // From the first synchronisation on the kernel's addresses are the truth; before it those of the
  // configuration stand in.
  void set_synchronised() { synchronised_ = true; }
  [[nodiscard]] bool synchronised() const { return synchronised_; }

  [[nodiscard]] Device by_link(int link) const;
  [[nodiscard]] Device by_name(const std::string& name) const;
  [[nodiscard]] int link_of_port(std::uint16_t port) const;
  // What the data plane says of a port's link.
  void set_port_link(std::uint16_t port, bool up);
  // Not known to be down, by the operator or by lack of a carrier.
  [[nodiscard]] bool usable(const Device& device) const;
  [[nodiscard]] bool tunnel_up(std::uint16_t interface) const;
  [[nodiscard]] bool is_ipsec(std::uint16_t interface) const;
  [[nodiscard]] std::uint16_t mtu(const Device& device) const;
  // The kernel's VLANs of our twins, by their numbers, which are not more than the data plane
  // takes.
  [[nodiscard]] std::vector<abi::VlanSet> vlans() const;
  [[nodiscard]] std::size_t vlans_left_out() const { return vlans_left_out_; }
  [[nodiscard]] std::string name_of_port(std::uint16_t number) const;
  [[nodiscard]] std::size_t ports() const { return ports_.size(); }

  // All addresses of the gateway, each owner's once, sorted.
  [[nodiscard]] std::vector<OwnedAddress> local_addresses() const;
  [[nodiscard]] bool is_local(const Address& address) const;
  // It is an address of underlay ports, and not of this device.
  [[nodiscard]] bool is_other_underlays(const Device& device, const Address& address) const;
  // RFC 6724 as far as it matters here: `preferred` if it is ours, else an address of the device,
  // of the next hop's network first, never link-local for what is not.
  [[nodiscard]] std::optional<Address> select_source(const Device& device, const Address& next_hop,
                                                     const Address& remote,
                                                     const Address& preferred) const;
  // No station on-link at the port can have it: the first or last of one of its networks, or ours.
  [[nodiscard]] bool is_no_station(std::uint16_t port, const Address& address) const;

 private:
  struct Known {
    std::string name;
    std::uint16_t mtu = 0;
    std::vector<config::InterfaceAddress> addresses;
    int link = 0;
    bool carrier = true;  // a port's own
    bool ipsec = false;   // of a tunnel
    bool underlay = false;
  };
  struct Candidate {
    Address address;
    std::uint8_t prefix_length = 0;
    bool source = true;
  };

  [[nodiscard]] const Known* known(const Device& device) const;
  [[nodiscard]] std::vector<Candidate> addresses_of(const Known& device) const;
  void match_links();
  void match_vlan(const Link& link);

  std::vector<Known> ports_;
  std::vector<Known> tunnels_;
  std::map<std::uint16_t, Known> vlans_;
  std::size_t vlans_left_out_ = 0;
  std::map<int, Link> links_;
  std::map<int, Device> by_link_;
  std::map<int, std::vector<LocalAddress>> addresses_;  // by link, in the kernel's order
  bool synchronised_ = false;
};

}  // namespace gotthard::route
