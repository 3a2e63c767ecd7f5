// [dataplane] and [log].
#include <set>
#include <utility>

#include "control/config/sections.h"

namespace gotthard::config {

Placement read_placement(TableReader& reader) {
  Placement result;
  if (const auto workers = reader.number("workers", 1, abi::kMaxWorkers)) {
    result.workers = static_cast<unsigned>(workers->value);
  }
  std::set<std::int64_t> seen;
  for (const auto& core : reader.numbers("cores", 0, 4095)) {
    if (!seen.insert(core.value).second) {
      reader.report(core.line,
                    fmt::format("'cores' names {} twice: one worker a core", core.value));
    }
    result.cores.push_back(static_cast<unsigned>(core.value));
  }
  if (result.cores.empty() && reader.has("cores")) {
    reader.report(reader.line_of("cores"), "'cores' is empty: name one core or leave it out");
  }
  if (result.cores.size() > abi::kMaxWorkers) {
    reader.report(reader.line_of("cores"),
                  fmt::format("'cores' names more than {} cores", abi::kMaxWorkers));
  }
  if (result.workers && !result.cores.empty() && *result.workers != result.cores.size()) {
    reader.report(reader.line_of("workers"),
                  "'workers' and 'cores' contradict each other: write one of them");
  }
  if (const auto index = reader.choice("hugepages", {"auto", "never", "required"})) {
    result.hugepages = static_cast<Hugepages>(*index);
  }
  return result;
}

Dataplane read_dataplane(TableReader& reader) {
  Dataplane result;
  Placement placement = read_placement(reader);
  result.workers = placement.workers;
  result.cores = std::move(placement.cores);
  result.hugepages = placement.hugepages;
  if (const auto index = reader.choice("idle", {"adaptive", "poll"})) {
    result.idle = static_cast<Idle>(*index);
  }
  if (const auto index =
          reader.choice("aead", {crypto::kBackendNames.begin(), crypto::kBackendNames.end()})) {
    result.aead = static_cast<crypto::Backend>(*index);
  }
  if (const auto index = reader.choice("spread", {"auto", "never", "always"})) {
    result.spread = static_cast<Spread>(*index);
  }
  if (const auto mbufs = reader.number("mbufs", 4096, 16777216)) {
    result.mbufs = static_cast<unsigned>(mbufs->value);
  }
  if (const auto routes = reader.number("routes", 64, 4194304)) {
    result.routes = static_cast<unsigned>(routes->value);
  }
  if (const auto window = reader.number("replay_window", 1024, 1048576)) {
    result.replay_window = static_cast<std::uint32_t>(window->value);
  }
  return result;
}

Log read_log(TableReader& reader) {
  Log result;
  if (const auto index = reader.choice("format", {"logfmt", "json"})) {
    result.format = static_cast<log::Format>(*index);
  }
  if (const auto index = reader.choice("level", {"debug", "info", "warning", "error", "off"})) {
    result.level = static_cast<log::Level>(*index);
  }
  return result;
}

}  // namespace gotthard::config
