// The frames that are sent, and what is found in those that come. Each carries the number of the
// run, of the trial, of its flow and its own, a check of these, and a payload that follows from
// them; a receiver compares all of it with what was sent, but for what routers change. Never
// changes once it is made: any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/wire/ip.h"
#include "dataplane/wire/udp.h"
#include "perf/line_rate/flow.h"
#include "perf/line_rate/pattern.h"

namespace gotthard::perf::line_rate {

// Behind the UDP header.
struct Tag {
  wire::Big32 run;
  wire::Big16 trial;
  wire::Big16 flow;
  wire::Big16 sequence_high;
  wire::Big32 sequence_low;
  wire::Big32 check;
};
static_assert(sizeof(Tag) == 18 && alignof(Tag) == 1);

// Without frame check sequence; in IPv4 a whole tag fits in the smallest frame.
[[nodiscard]] std::size_t least_frame(abi::Family family);
static_assert(sizeof(wire::EthernetHeader) + sizeof(wire::Ipv4Header) + sizeof(wire::UdpHeader) +
                  sizeof(Tag) ==
              60);

struct FrameNumbers {
  std::uint16_t trial = 0;
  std::uint16_t flow = 0;
  std::uint64_t sequence = 0;  // below kMostSequence
};
inline constexpr std::uint64_t kMostSequence = std::uint64_t{1} << 48;

enum class Found : std::uint8_t {
  ours,        // as it was sent, of any trial
  neighbour,   // ARP or neighbour discovery
  background,  // to a group, or to another host
  too_big,     // the device says that a frame is too big for what lies behind
  error,       // another ICMP error
  piece,       // a fragment: the device has cut what was too big
  corrupt,     // of one of the flows, but not as it was sent
  astray,      // as it was sent, but for another port
  foreign,     // nobody sent it
};
[[nodiscard]] std::string_view name_of(Found found);

struct Finding {
  Found found = Found::foreign;
  FrameNumbers numbers;  // of `ours` and `astray`
};

class FrameFormat {
 public:
  // `run` tells this run's frames from those of others.
  FrameFormat(std::uint32_t run, std::vector<Flow> flows, std::vector<PortMacs> ports);

  [[nodiscard]] const std::vector<Flow>& flows() const { return flows_; }

  // A frame of `length` bytes, without frame check sequence; from least_frame() of its flow's
  // family to what Pattern::kLongest allows.
  void write(std::byte* frame, const FrameNumbers& numbers, std::size_t length) const;

  // Of a frame that came in at a port.
  [[nodiscard]] Finding find(std::span<const std::byte> frame, std::size_t port) const;

 private:
  // All that is alike in a flow's frames, from the Ethernet header to the UDP header.
  struct Template {
    std::array<std::byte,
               sizeof(wire::EthernetHeader) + sizeof(wire::Ipv6Header) + sizeof(wire::UdpHeader)>
        bytes;
    std::uint64_t udp_sum;  // of pseudo header and UDP header without lengths
    std::uint16_t ip_sum;   // of IPv4's header without length
    std::uint8_t ip_length;
  };

  [[nodiscard]] Template make_template(const Flow& flow) const;
  [[nodiscard]] std::uint64_t mixed(const FrameNumbers& numbers, std::size_t length) const;
  [[nodiscard]] std::uint16_t udp_checksum(const Template& flow, const Tag& tag, std::size_t place,
                                           std::size_t udp_length) const;
  [[nodiscard]] Finding find_in_ip(std::span<const std::byte> ip, std::size_t port) const;
  [[nodiscard]] Finding find_in_udp(std::span<const std::byte> ip, const wire::IpPacket& packet,
                                    std::size_t port) const;
  [[nodiscard]] bool as_sent(std::span<const std::byte> ip, const wire::IpPacket& packet,
                             const FrameNumbers& numbers) const;

  std::uint32_t run_;
  std::vector<Flow> flows_;
  std::vector<PortMacs> ports_;
  Pattern pattern_;
  std::vector<Template> templates_;
};

}  // namespace gotthard::perf::line_rate
