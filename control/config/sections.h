// One reader for each section of the file; config.cc puts them together.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "control/config/config.h"
#include "control/config/reader.h"

namespace gotthard::config {

// Where workers run and what memory they have, of a gateway or of anything else that has workers.
struct Placement {
  std::optional<unsigned> workers;  // or cores
  std::vector<unsigned> cores;
  Hugepages hugepages = Hugepages::automatic;
};
Placement read_placement(TableReader& reader);
Dataplane read_dataplane(TableReader& reader);
Log read_log(TableReader& reader);
Port read_port(TableReader& reader);
Route read_route(TableReader& reader);
Ipsec read_ipsec(TableReader& reader, const std::filesystem::path& base);
// Of a connection's `local` and `remote`, of the connection itself, of a child. True: it says
// something of IKE.
bool read_ike_local(TableReader& reader, const std::filesystem::path& base, IkeEnd* end);
bool read_ike_remote(TableReader& reader, const std::filesystem::path& base, IkeEnd* end);
bool read_ike(TableReader& reader, Ike* ike);
bool read_ike_child(TableReader& reader, Child* child);
WireGuard read_wireguard(TableReader& reader, const std::filesystem::path& base);

// What concerns more than one section: names, addresses, listening ports, prefixes.
void check_whole(const Config& config, const toml::table& root, ReadContext* context);

// The same of a connection that IKE makes: what it says must go together.
void check_ike(const Connection& connection, std::size_t line, ReadContext* context);

// The same of [[ipsec]]; and what `mtu = "auto"` comes to.
void check_ipsec(const Config& config, const toml::table& root, ReadContext* context);
void work_out_mtus(Config* config);
inline constexpr std::uint16_t kAutomaticMtu = 0;
// The longest inner packet that fits into an outer one of `mtu` bytes.
[[nodiscard]] std::uint16_t inner_mtu(const Connection& connection, const EspSuite& esp,
                                      std::uint16_t mtu);

// The table's own `name`, which becomes that of a kernel interface.
std::string read_interface_name(TableReader& reader);

// Not unspecified, not multicast, not broadcast.
[[nodiscard]] bool is_unicast(const Address& address);
[[nodiscard]] Address masked(const Address& address, std::uint8_t length);
// As parse_interface_address, of an address that a host may have.
Result<InterfaceAddress> parse_own_address(std::string_view text);

// The value of `parse`, or an error at `text`'s line.
template <typename T>
std::optional<T> parse_at(TableReader& reader, const std::string& key,
                          const Located<std::string>& text, Result<T> (*parse)(std::string_view)) {
  auto value = parse(text.value);
  if (!value) {
    reader.report(text.line,
                  fmt::format("'{}' in {}: {}", key, reader.what(), value.error().message));
    return std::nullopt;
  }
  return *value;
}

template <typename T>
std::vector<T> parse_all(TableReader& reader, const std::string& key,
                         Result<T> (*parse)(std::string_view)) {
  std::vector<T> result;
  for (const auto& text : reader.texts(key)) {
    if (auto value = parse_at(reader, key, text, parse)) {
      result.push_back(std::move(*value));
    }
  }
  return result;
}

}  // namespace gotthard::config
