#include "tools/supervisor/plan.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "control/config/ike_credentials.h"
#include "control/config/key_file.h"
#include "tools/supervisor/process.h"

namespace gotthard::supervisor {
namespace {

std::set<std::string> key_file_paths(const config::Config& config) {
  std::set<std::string> paths;
  for (const config::WireGuard& tunnel : config.wireguard) {
    paths.insert(tunnel.private_key_file);
    for (const config::Peer& peer : tunnel.peers) {
      if (!peer.preshared_key_file.empty()) {
        paths.insert(peer.preshared_key_file);
      }
    }
  }
  return paths;
}

// Connections may share some.
std::vector<config::IkeFile> ike_files(const config::Config& config) {
  std::map<std::string, bool> secret;  // by path
  for (const config::Ipsec& ipsec : config.ipsec) {
    for (const config::Connection& connection : ipsec.connections) {
      for (const config::IkeFile& file : config::ike_files(connection)) {
        secret[file.path] |= file.secret;
      }
    }
  }
  std::vector<config::IkeFile> files;
  for (const auto& [path, is_secret] : secret) {
    files.push_back({path, is_secret});
  }
  return files;
}

}  // namespace

Result<Plan> read_configuration(const Options& options) {
  Plan plan;
  std::error_code error;
  plan.path = std::filesystem::absolute(options.config_file, error).lexically_normal();
  if (auto checked = config::load(plan.path); !checked) {
    return tl::unexpected(checked.error());
  }
  // What control gets must be what was checked, so it is parsed from the text that is handed over.
  std::ifstream stream(plan.path);
  plan.text.assign(std::istreambuf_iterator<char>(stream), {});
  auto parsed = config::parse(plan.text, plan.path);
  if (!parsed) {
    return tl::unexpected(parsed.error());
  }
  plan.config = std::move(*parsed);
  plan.config.log.format = options.log_format.value_or(plan.config.log.format);
  plan.config.log.level = options.log_level.value_or(plan.config.log.level);
  for (const std::string& path : key_file_paths(plan.config)) {
    // Checked again: it may be another file by now.
    auto fd = config::open_key_file(path);
    if (!fd) {
      return tl::unexpected(fd.error());
    }
    plan.key_files.push_back({path, std::move(*fd)});
  }
  for (const config::IkeFile& file : ike_files(plan.config)) {
    auto fd = config::open_ike_file(file);
    if (!fd) {
      return tl::unexpected(fd.error());
    }
    plan.key_files.push_back({file.path, std::move(*fd)});
  }
  return plan;
}

Result<Programs> find_programs(const Options& options) {
  auto dataplane = find_executable("gotthard-dataplane", options.executable_dir);
  auto control = find_executable("gotthard-control", options.executable_dir);
  const auto users = unprivileged_users();
  if (!dataplane || !control || !users) {
    return tl::unexpected(!dataplane ? dataplane.error()
                          : !control ? control.error()
                                     : users.error());
  }
  std::error_code error;
  return Programs{.dataplane = *dataplane,
                  .control = *control,
                  .instance_name = fmt::format("gotthard-{}", getpid()),
                  .run_dir = std::filesystem::absolute(options.run_dir, error),
                  .users = *users};
}

}  // namespace gotthard::supervisor
