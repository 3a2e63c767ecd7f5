#include "tools/supervisor/arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>

#include "tools/supervisor/hugepages.h"

namespace gotthard::supervisor {
namespace {

std::string_view text(config::Idle idle) {
  return idle == config::Idle::poll ? "poll" : "adaptive";
}

std::string_view text(config::Spread spread) {
  switch (spread) {
    case config::Spread::never:
      return "never";
    case config::Spread::always:
      return "always";
    case config::Spread::automatic:
      break;
  }
  return "auto";
}

std::string_view text(config::Role role) {
  return role == config::Role::inside ? "inside" : "underlay";
}

void add_log(std::vector<std::string>& argv, const config::Log& log) {
  argv.insert(argv.end(), {"--log-format", log.format == log::Format::json ? "json" : "logfmt",
                           "--log-level", std::string(log::name(log.level))});
}

}  // namespace

std::vector<std::string> dataplane_argv(const config::Config& config,
                                        const DataplaneArguments& arguments) {
  const config::Dataplane& dataplane = config.dataplane;
  std::vector<std::string> argv{arguments.program,
                                "--supervisor-fd",
                                fmt::to_string(arguments.supervisor_fd),
                                "--instance-name",
                                arguments.instance_name,
                                "--uid",
                                fmt::to_string(arguments.user.uid),
                                "--gid",
                                fmt::to_string(arguments.user.gid),
                                "--idle",
                                std::string(text(dataplane.idle)),
                                "--aead",
                                crypto::name_of(dataplane.aead),
                                "--spread",
                                std::string(text(dataplane.spread)),
                                "--memory",
                                arguments.hugepages ? "hugepages" : "pages",
                                "--mbufs",
                                fmt::to_string(mbufs_needed(config, online_cpus())),
                                "--routes",
                                fmt::to_string(dataplane.routes)};
  if (!dataplane.cores.empty()) {
    argv.insert(argv.end(), {"--cores", fmt::format("{}", fmt::join(dataplane.cores, ","))});
  } else if (dataplane.workers) {
    argv.insert(argv.end(), {"--workers", fmt::to_string(*dataplane.workers)});
  }
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    const config::Port& port = config.ports[i];
    argv.insert(argv.end(), {"--port", fmt::format("name={};role={};device={};mtu={};twin-fd={}",
                                                   port.name, text(port.role), port.device,
                                                   port.mtu, arguments.twin_fds.at(i))});
  }
  const std::vector<config::TunnelDevice> tunnels = config::tunnel_devices(config);
  for (std::size_t i = 0; i < tunnels.size(); ++i) {
    argv.insert(argv.end(), {"--tunnel", fmt::format("name={};tun-fd={}", tunnels[i].name,
                                                     arguments.tunnel_fds.at(i))});
  }
  add_log(argv, config.log);
  return argv;
}

std::vector<std::string> control_argv(const config::Config& config,
                                      const ControlArguments& arguments) {
  std::vector<std::string> argv{arguments.program,
                                "--broker-fd",
                                fmt::to_string(arguments.broker_fd),
                                "--listen-fd",
                                fmt::to_string(arguments.listen_fd),
                                "--netlink-fd",
                                fmt::to_string(arguments.netlink_fd),
                                "--checkpoint-fd",
                                fmt::to_string(arguments.checkpoint_fd),
                                "--dataplane-fd",
                                fmt::to_string(arguments.dataplane_fd)};
  for (const int fd : arguments.uapi_fds) {
    argv.insert(argv.end(), {"--uapi-fd", fmt::to_string(fd)});
  }
  add_log(argv, config.log);
  return argv;
}

}  // namespace gotthard::supervisor
