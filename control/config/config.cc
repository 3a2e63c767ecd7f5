#include "control/config/config.h"

#include <filesystem>

#include "control/config/ike_credentials.h"
#include "control/config/key_file.h"
#include "control/config/sections.h"
#include "control/config/source.h"

namespace gotthard::config {
namespace {

Config read_root(const toml::table& root, const std::string& path, ReadContext* context) {
  Config config;
  // Relative where the working directory is gone.
  std::error_code error;
  auto absolute = std::filesystem::absolute(path, error);
  const auto base = (error ? std::filesystem::path(path) : absolute).parent_path();
  TableReader reader(root, "the file", context);
  reader.table("dataplane", [&](TableReader& t) { config.dataplane = read_dataplane(t); });
  reader.table("log", [&](TableReader& t) { config.log = read_log(t); });
  reader.tables("port", [&](TableReader& t) { config.ports.push_back(read_port(t)); });
  reader.tables("route", [&](TableReader& t) { config.routes.push_back(read_route(t)); });
  reader.tables("wireguard",
                [&](TableReader& t) { config.wireguard.push_back(read_wireguard(t, base)); });
  reader.tables("ipsec", [&](TableReader& t) { config.ipsec.push_back(read_ipsec(t, base)); });
  reader.finish();
  work_out_mtus(&config);
  check_ipsec(config, root, context);
  check_whole(config, root, context);
  return config;
}

void check_keys(const Config& config, const toml::table& root, ReadContext* context) {
  for (std::size_t i = 0; i < config.wireguard.size(); ++i) {
    const auto problem = check_key_files(config.wireguard[i]);
    if (!problem) {
      continue;
    }
    const auto interface = root["wireguard"][i];
    const auto table = problem->peer ? interface["peer"][*problem->peer] : interface;
    const auto value = table[problem->key];
    context->report(value ? value.node()->source().begin.line : 0, problem->error.message);
  }
  for (std::size_t i = 0; i < config.ipsec.size(); ++i) {
    check_lab_key_files(config.ipsec[i], [&](const LabKeyPlace& at, const std::string& message) {
      const auto keys =
          root["ipsec"][i]["connection"][at.connection]["child"][at.child]["lab_keys"];
      const auto value = keys.is_array() ? keys[at.pair][at.key] : keys[at.key];
      context->report(value ? value.node()->source().begin.line : 0, message);
    });
    for (std::size_t c = 0; c < config.ipsec[i].connections.size(); ++c) {
      const Connection& connection = config.ipsec[i].connections[c];
      const auto credentials = connection.ike ? load_ike_credentials(connection) : IkeCredentials{};
      if (!credentials) {
        const auto table = root["ipsec"][i]["connection"][c];
        context->report(table ? table.node()->source().begin.line : 0,
                        fmt::format("'{}': {}", connection.name, credentials.error().message));
      }
    }
  }
}

}  // namespace

Result<Config> parse(std::string_view text, const std::string& path) {
  const auto root = parse_source(text, path);
  if (!root) {
    return tl::unexpected(root.error());
  }
  ReadContext context{.path = path, .error = std::nullopt};
  Config config = read_root(*root, path, &context);
  if (context.error) {
    return tl::unexpected(*context.error);
  }
  return config;
}

Result<Config> load(const std::string& path) {
  const auto text = read_source(path);
  if (!text) {
    return tl::unexpected(text.error());
  }
  const auto root = parse_source(*text, path);
  if (!root) {
    return tl::unexpected(root.error());
  }
  ReadContext context{.path = path, .error = std::nullopt};
  Config config = read_root(*root, path, &context);
  if (!context.error) {
    check_keys(config, *root, &context);
  }
  if (context.error) {
    return tl::unexpected(*context.error);
  }
  return config;
}

}  // namespace gotthard::config
