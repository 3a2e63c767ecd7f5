#include "control/reload/settings.h"

#include <set>
#include <utility>

#include "control/config/ike_credentials.h"
#include "control/config/key_file.h"

namespace gotthard::control {

Result<Settings> read_settings(const broker::ReceivedConfiguration& received) {
  auto config = config::parse(received.text, received.path);
  if (!config) {
    return tl::unexpected(config.error());
  }
  Settings settings{.config = std::move(*config), .keys = {}};
  std::map<std::string, std::size_t> lab;  // sizes, by file
  std::set<std::string> ike;
  for (const config::Ipsec& ipsec : settings.config.ipsec) {
    for (const config::Connection& connection : ipsec.connections) {
      for (const config::IkeFile& file : config::ike_files(connection)) {
        ike.insert(file.path);
      }
      for (const config::Child& child : connection.children) {
        for (const config::LabKeys& keys : child.lab_keys) {
          lab[keys.in_key_file] = config::lab_key_size(keys.suite);
          lab[keys.out_key_file] = config::lab_key_size(keys.suite);
        }
      }
    }
  }
  for (const broker::OpenKeyFile& file : received.key_files) {
    if (ike.contains(file.path)) {
      auto bytes = config::read_ike_file(file.fd.get(), file.path);
      if (!bytes) {
        return tl::unexpected(bytes.error());
      }
      settings.ike_files.emplace(file.path, std::move(*bytes));
      continue;
    }
    if (const auto size = lab.find(file.path); size != lab.end()) {
      auto key = config::read_lab_key(file.fd.get(), file.path, size->second);
      if (!key) {
        return tl::unexpected(key.error());
      }
      settings.lab_keys.emplace(file.path, std::move(*key));
      continue;
    }
    auto key = config::read_key(file.fd.get(), file.path);
    if (!key) {
      return tl::unexpected(key.error());
    }
    settings.keys.emplace(file.path, std::move(*key));
  }
  return settings;
}

}  // namespace gotthard::control
