// What a throughput run is told by its file and its options.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/config/config.h"
#include "control/config/sections.h"
#include "perf/line_rate/flow.h"
#include "perf/line_rate/frame_size.h"

namespace gotthard::perf::line_rate {

struct PortSettings {
  std::string name;
  std::string device;  // PCI address or vdev string
  std::uint16_t mtu = 1500;
  std::optional<wire::Mac> mac;  // none: the device's own
  std::vector<abi::Address> addresses;
  std::optional<abi::Address> gateway;  // next hop of all frames: its Ethernet address is asked for
  std::optional<wire::Mac> gateway_mac;  // or stated
};

// One [[flow]]: what goes through `tunnels` tunnels, whose prefixes follow each other.
struct FlowSettings {
  std::string from;
  std::string to;
  config::InterfaceAddress source;  // of the first tunnel; the length is that of a tunnel's prefix
  config::InterfaceAddress destination;
  unsigned tunnels = 1;
  unsigned count = 1;  // flows a tunnel, told apart by ports of UDP
  bool same_source = false;
};

enum class Directions : std::uint8_t { both, forward, back };
inline constexpr std::string_view kDirectionNames[] = {"both", "forward", "back"};

// Rates are of each direction, in frames a second.
struct TrialSettings {
  double seconds = 5;
  double first_seconds = 0.5;
  std::vector<FrameSize> sizes;  // empty: the usual ones that fit
  Directions directions = Directions::both;
  double precision = 0.01;
  std::vector<double> loss_ratios{0, 0.005};
  double min_rate = 1000;
  std::optional<double> max_rate;  // none: what the ports' links carry
  unsigned repeat = 1;
  unsigned most_trials = 200;  // a size
  double patience = 15;        // seconds until all flows come through at all
  double wait = 0.2;           // seconds without a frame after which none is awaited any more
};

struct Settings {
  config::Placement generator;
  std::vector<PortSettings> ports;
  std::vector<FlowSettings> flows;
  TrialSettings trial;
};

// Bounds of options and keys.
inline constexpr double kLeastSeconds = 0.01;
inline constexpr double kMostSeconds = 3600;
inline constexpr double kLeastPrecision = 0.0005;
inline constexpr double kMostPrecision = 0.5;
inline constexpr double kMostRate = 1e9;

// An error is "FILE:LINE: ...". What options may change is not looked at: see check().
Result<Settings> parse_settings(std::string_view text, const std::string& path);
Result<Settings> load_settings(const std::string& path);

// "64" to "9618", or "imix".
Result<FrameSize> parse_size(std::string_view text);
Result<wire::Mac> parse_mac(std::string_view text);
[[nodiscard]] std::string to_string(const wire::Mac& mac);

// What must go together: sizes with ports and flows, rates with each other. Sizes that are not
// given become the usual ones that fit.
Status check(Settings* settings);

// All flows, numbered; those of a direction that is not asked for are left out.
[[nodiscard]] std::vector<Flow> flows_of(const Settings& settings);

}  // namespace gotthard::perf::line_rate
