#include "dataplane/options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <map>

namespace gotthard::dataplane {
namespace {

Result<std::map<std::string, std::string>> parse_fields(const std::string& text) {
  std::map<std::string, std::string> fields;
  for (const std::string& part : CLI::detail::split(text, ';')) {
    const auto equals = part.find('=');
    if (equals == std::string::npos) {
      return fail("'{}' is not of the form key=value;key=value", text);
    }
    fields[part.substr(0, equals)] = part.substr(equals + 1);
  }
  return fields;
}

template <typename T>
Status read_number(const std::map<std::string, std::string>& fields, const std::string& key,
                   T* value) {
  const auto found = fields.find(key);
  if (found == fields.end()) {
    return fail("'{}' is missing", key);
  }
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail("'{}' is no number that '{}' takes", text, key);
  }
  return {};
}

}  // namespace

Result<PortArgument> parse_port(const std::string& text) {
  const auto fields = parse_fields(text);
  if (!fields) {
    return tl::unexpected(fields.error());
  }
  const auto get = [&](const char* key) {
    const auto found = fields->find(key);
    return found == fields->end() ? std::string() : found->second;
  };
  PortArgument port{.name = get("name"), .device = get("device")};
  const std::string role = get("role");
  if (port.name.empty() || port.device.empty() || (role != "underlay" && role != "inside")) {
    return fail("port '{}' needs name, device and role=underlay or role=inside", text);
  }
  port.underlay = role == "underlay";
  if (const Status mtu = read_number(*fields, "mtu", &port.mtu); !mtu) {
    return tl::unexpected(mtu.error());
  }
  if (const Status fd = read_number(*fields, "twin-fd", &port.twin_fd); !fd) {
    return tl::unexpected(fd.error());
  }
  return port;
}

Result<TunnelArgument> parse_tunnel(const std::string& text) {
  const auto fields = parse_fields(text);
  if (!fields) {
    return tl::unexpected(fields.error());
  }
  TunnelArgument tunnel;
  if (const auto name = fields->find("name"); name != fields->end()) {
    tunnel.name = name->second;
  }
  if (const Status fd = read_number(*fields, "tun-fd", &tunnel.tun_fd); !fd) {
    return tl::unexpected(fd.error());
  }
  return tunnel;
}

Result<Options> parse_options(int argc, char** argv) {
  Options options;
  CLI::App app("Gotthard's data plane; started by `gotthard up`, not by hand");
  std::vector<std::string> ports;
  std::vector<std::string> tunnels;
  std::string idle = "adaptive";
  std::string aead = "auto";
  std::string spread = "auto";
  std::string memory = "pages";
  std::string format = "logfmt";
  std::string level = "info";
  app.add_option("--supervisor-fd", options.supervisor_fd)->required();
  app.add_option("--instance-name", options.instance_name);
  nic::Identity identity;
  CLI::Option* uid = app.add_option("--uid", identity.uid)->check(CLI::Range(1U, UINT32_MAX - 1));
  app.add_option("--gid", identity.gid)->check(CLI::Range(1U, UINT32_MAX - 1))->needs(uid);
  app.add_option("--idle", idle)->check(CLI::IsMember({"adaptive", "poll"}));
  app.add_option("--aead", aead)
      ->check(CLI::IsMember(
          std::vector<std::string>(crypto::kBackendNames.begin(), crypto::kBackendNames.end())));
  app.add_option("--spread", spread)->check(CLI::IsMember({"auto", "never", "always"}));
  app.add_option("--memory", memory)->check(CLI::IsMember({"hugepages", "pages"}));
  app.add_option("--workers", options.workers)->check(CLI::Range(1, 64));
  app.add_option("--cores", options.cores)->delimiter(',');
  app.add_option("--mbufs", options.mbufs)->check(CLI::Range(2048, 16777216));
  app.add_option("--routes", options.routes)->check(CLI::Range(64, 16777216));
  app.add_option("--port", ports)->required()->expected(1)->take_all();
  app.add_option("--tunnel", tunnels)->expected(1)->take_all();
  app.add_option("--log-format", format)->check(CLI::IsMember({"logfmt", "json"}));
  app.add_option("--log-level", level);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return fail("{}", error.what());
  }
  if (*uid) {
    options.identity = identity;
  }
  options.sleep_when_idle = idle == "adaptive";
  options.backend = *crypto::backend_named(aead);
  options.spread = spread == "auto"    ? SpreadPolicy::automatic
                   : spread == "never" ? SpreadPolicy::never
                                       : SpreadPolicy::always;
  options.hugepages = memory == "hugepages";
  options.log_format = format == "json" ? log::Format::json : log::Format::logfmt;
  const auto log_level = log::parse_level(level);
  if (!log_level) {
    return tl::unexpected(log_level.error());
  }
  options.log_level = *log_level;
  for (const std::string& text : ports) {
    auto port = parse_port(text);
    if (!port) {
      return tl::unexpected(port.error());
    }
    options.ports.push_back(std::move(*port));
  }
  for (const std::string& text : tunnels) {
    auto tunnel = parse_tunnel(text);
    if (!tunnel) {
      return tl::unexpected(tunnel.error());
    }
    options.tunnels.push_back(std::move(*tunnel));
  }
  return options;
}

}  // namespace gotthard::dataplane
