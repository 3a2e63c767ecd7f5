// Whatever the file of a throughput run holds, reading it ends with settings or one error, and
// flows of what is accepted are within their bounds.
#include <cstdlib>
#include <string_view>

#include "perf/line_rate/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gotthard::perf::line_rate;
  auto settings = parse_settings(std::string_view(reinterpret_cast<const char*>(data), size),
                                 "/etc/gotthard/line-rate.toml");
  if (!settings) {
    return settings.error().message.empty() ? std::abort(), 0 : 0;
  }
  if (!check(&*settings)) {
    return 0;
  }
  const auto flows = flows_of(*settings);
  if (flows.empty() || flows.size() > kMostFlows) {
    std::abort();
  }
  for (const Flow& flow : flows) {
    if (flow.from >= settings->ports.size() || flow.to >= settings->ports.size() ||
        flow.source.family != flow.destination.family) {
      std::abort();
    }
  }
  return 0;
}
