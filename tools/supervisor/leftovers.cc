#include "tools/supervisor/leftovers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/fd.h"

namespace gotthard::supervisor {
namespace {

using nlohmann::json;

constexpr int kFormat = 2;

std::string path_in(const std::string& state_dir) { return state_dir + "/leftovers.json"; }

std::string to_hex(const RawMessage& message) {
  std::string text;
  for (const std::uint8_t byte : message) {
    text += fmt::format("{:02x}", byte);
  }
  return text;
}

std::optional<RawMessage> from_hex(std::string_view text) {
  RawMessage message;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned byte = 0;
    for (const char c : text.substr(i, 2)) {
      const auto digit = std::string_view("0123456789abcdef").find(c);
      if (digit == std::string_view::npos) {
        return std::nullopt;
      }
      byte = byte << 4 | static_cast<unsigned>(digit);
    }
    message.push_back(static_cast<std::uint8_t>(byte));
  }
  return text.size() % 2 == 0 ? std::optional(message) : std::nullopt;
}

json to_array(const std::vector<RawMessage>& messages) {
  json array = json::array();
  for (const RawMessage& message : messages) {
    array.push_back(to_hex(message));
  }
  return array;
}

Result<std::vector<RawMessage>> to_messages(const json& array) {
  std::vector<RawMessage> messages;
  for (const json& text : array) {
    auto message = from_hex(text.get<std::string>());
    if (!message) {
      return fail("it holds a message that is not in hexadecimal digits");
    }
    messages.push_back(std::move(*message));
  }
  return messages;
}

json to_object(const MutedDevice& device) {
  return {{"name", device.name},
          {"index", device.index},
          {"flags", device.flags},
          {"mtu", device.mtu},
          {"ipv6", device.ipv6},
          {"gro", device.gro},
          {"lro", device.lro},
          {"xdp", device.xdp},
          {"table", device.table},
          {"addresses", to_array(device.addresses)},
          {"routes", to_array(device.routes)}};
}

// What the library would make a number of otherwise: a fraction, what does not fit.
class NoSuchNumber {};

template <typename Number>
Number number_at(const json& object, const char* key) {
  const json& value = object.at(key);
  const bool fits =
      value.is_number_unsigned()
          ? std::in_range<Number>(value.get<std::uint64_t>())
          : value.is_number_integer() && std::in_range<Number>(value.get<std::int64_t>());
  if (!fits) {
    throw NoSuchNumber();
  }
  return value.get<Number>();
}

Result<MutedDevice> to_device(const json& object) {
  auto addresses = to_messages(object.at("addresses"));
  auto routes = to_messages(object.at("routes"));
  if (!addresses || !routes) {
    return tl::unexpected((addresses ? routes : addresses).error());
  }
  return MutedDevice{.name = object.at("name"),
                     .index = number_at<int>(object, "index"),
                     .flags = number_at<unsigned>(object, "flags"),
                     .mtu = number_at<unsigned>(object, "mtu"),
                     .ipv6 = object.at("ipv6"),
                     .gro = object.at("gro"),
                     .lro = object.at("lro"),
                     .xdp = object.at("xdp"),
                     .table = object.at("table"),
                     .addresses = std::move(*addresses),
                     .routes = std::move(*routes)};
}

Result<Leftovers> from_object(const json& object) {
  if (object.at("format") != kFormat) {
    return fail("it was written by another version of gotthard");
  }
  Leftovers leftovers;
  leftovers.boot_id = object.at("boot_id");
  leftovers.namespace_id = number_at<std::uint64_t>(object, "namespace_id");
  leftovers.hugepages = number_at<std::uint64_t>(object, "hugepages");
  for (const json& entry : object.at("muted")) {
    auto device = to_device(entry);
    if (!device) {
      return tl::unexpected(device.error());
    }
    leftovers.muted.push_back(std::move(*device));
  }
  for (const json& entry : object.at("blackholes")) {
    const auto prefix = config::parse_prefix(entry.at("prefix").get<std::string>());
    if (!prefix) {
      return tl::unexpected(prefix.error());
    }
    leftovers.blackholes.push_back({*prefix, number_at<std::uint32_t>(entry, "metric")});
  }
  return leftovers;
}

Result<std::string> first_line(const char* path) {
  std::ifstream stream(path);
  std::string line;
  if (!std::getline(stream, line)) {
    return fail("cannot read {}", path);
  }
  return line;
}

}  // namespace

std::string to_json(const Leftovers& leftovers) {
  json muted = json::array();
  for (const MutedDevice& device : leftovers.muted) {
    muted.push_back(to_object(device));
  }
  json blackholes = json::array();
  for (const Blackhole& blackhole : leftovers.blackholes) {
    blackholes.push_back(
        {{"prefix", config::to_string(blackhole.prefix)}, {"metric", blackhole.metric}});
  }
  const json object = {
      {"format", kFormat}, {"boot_id", leftovers.boot_id}, {"namespace_id", leftovers.namespace_id},
      {"muted", muted},    {"blackholes", blackholes},     {"hugepages", leftovers.hugepages}};
  return object.dump(1) + "\n";
}

Result<Leftovers> leftovers_from_json(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  try {
    return from_object(object);
  } catch (const json::exception& error) {
    return fail("{}", error.what());
  } catch (const NoSuchNumber&) {
    return fail("it holds a number that is none of gotthard's");
  }
}

Status save(const Leftovers& leftovers, const std::string& state_dir) {
  const std::string path = path_in(state_dir);
  const std::string fresh = path + ".new";
  const std::string text = to_json(leftovers);
  const UniqueFd fd(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd || write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      fsync(fd.get()) != 0 || std::rename(fresh.c_str(), path.c_str()) != 0) {
    return fail("cannot write {}: {}", path, std::strerror(errno));
  }
  return {};
}

Result<std::optional<Leftovers>> load(const std::string& state_dir) {
  const std::string path = path_in(state_dir);
  std::ifstream stream(path);
  if (!stream) {
    return std::nullopt;
  }
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  auto leftovers = leftovers_from_json(text);
  if (!leftovers) {
    return fail(
        "cannot understand {}, where the last gateway noted what it changed on this host: {}; put "
        "the host back by hand, then remove the file",
        path, leftovers.error().message);
  }
  return std::move(*leftovers);
}

void forget(const std::string& state_dir) { std::remove(path_in(state_dir).c_str()); }

Result<std::string> current_boot_id() { return first_line("/proc/sys/kernel/random/boot_id"); }

Result<std::uint64_t> current_namespace_id() {
  struct stat status {};
  if (stat("/proc/self/ns/net", &status) != 0) {
    return fail("cannot tell the network namespace: {}", std::strerror(errno));
  }
  return status.st_ino;
}

}  // namespace gotthard::supervisor
