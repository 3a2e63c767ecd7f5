// Addresses, prefixes and keys as text.
#include <arpa/inet.h>
#include <sodium.h>

#include <charconv>
#include <cstring>

#include "control/config/sections.h"

namespace gotthard::config {
namespace {

std::uint8_t bits_of(const Address& address) {
  return address.family == abi::Family::ipv4 ? 32 : 128;
}

}  // namespace

Address masked(const Address& address, std::uint8_t length) {
  Address result = address;
  const std::size_t size = bits_of(address) / 8;
  for (std::size_t i = 0; i < size; ++i) {
    const int keep = static_cast<int>(length) - static_cast<int>(i * 8);
    const auto mask = keep >= 8 ? 0xff : keep <= 0 ? 0 : 0xff << (8 - keep);
    result.bytes[i] = static_cast<std::uint8_t>(result.bytes[i] & mask);
  }
  return result;
}

bool is_unicast(const Address& address) {
  const bool unspecified = address.bytes == decltype(address.bytes){};
  return !unspecified &&
         (address.family == abi::Family::ipv4 ? address.bytes[0] < 224 : address.bytes[0] != 0xff);
}

Result<Address> parse_address(std::string_view text) {
  const std::string terminated(text);
  Address address;
  if (text.find('\0') != std::string_view::npos) {
    return fail("an address holds no zero character");
  }
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) {
    address.family = abi::Family::ipv4;
    return address;
  }
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) {
    address.family = abi::Family::ipv6;
    return address;
  }
  return fail("'{}' is no IPv4 or IPv6 address", text);
}

Result<InterfaceAddress> parse_interface_address(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) {
    return fail("'{}' has no prefix length: write {}/24 or the like", text, text);
  }
  const auto address = parse_address(text.substr(0, slash));
  if (!address) {
    return tl::unexpected(address.error());
  }
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size() || length > bits_of(*address)) {
    return fail("'{}' has no prefix length from 0 to {}", text, bits_of(*address));
  }
  return InterfaceAddress{.address = *address, .length = static_cast<std::uint8_t>(length)};
}

Result<InterfaceAddress> parse_own_address(std::string_view text) {
  auto parsed = parse_interface_address(text);
  if (!parsed) {
    return parsed;
  }
  if (!is_unicast(parsed->address)) {
    return fail("'{}' is no address of one host", text);
  }
  // Where the prefix leaves room for hosts, its first address names the network.
  const bool has_hosts = parsed->length + 1 < bits_of(parsed->address);
  if (has_hosts && masked(parsed->address, parsed->length) == parsed->address) {
    Address first = parsed->address;
    first.bytes[bits_of(first) / 8 - 1U] |= 1;
    return fail("'{}' names the network, not an address in it: write {} or the like", text,
                to_string(Prefix{.address = first, .length = parsed->length}));
  }
  return parsed;
}

Result<Prefix> parse_prefix(std::string_view text) {
  // A bare address is the prefix of that one address, as `wg` takes it.
  const std::string whole =
      text.find('/') != std::string_view::npos
          ? std::string(text)
          : fmt::format("{}/{}", text, text.find(':') == std::string_view::npos ? 32 : 128);
  auto prefix = parse_interface_address(whole);
  if (!prefix) {
    return prefix;
  }
  const Address network = masked(prefix->address, prefix->length);
  if (network != prefix->address) {
    return fail("'{}' has bits behind its prefix: write {}", text,
                to_string(Prefix{.address = network, .length = prefix->length}));
  }
  return prefix;
}

std::string to_string(const Address& address) {
  if (address.family == abi::Family::none) {
    return "none";
  }
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(address.family == abi::Family::ipv4 ? AF_INET : AF_INET6, address.bytes.data(), text,
            sizeof(text));
  return text;
}

std::string to_string(const Prefix& prefix) {
  return fmt::format("{}/{}", to_string(prefix.address), prefix.length);
}

Result<std::array<std::uint8_t, 32>> parse_key(std::string_view text) {
  std::array<std::uint8_t, 32> key{};
  std::size_t size = 0;
  const char* end = nullptr;
  if (text.size() != 44 ||
      sodium_base642bin(key.data(), key.size(), text.data(), text.size(), nullptr, &size, &end,
                        sodium_base64_VARIANT_ORIGINAL) != 0 ||
      size != key.size() || end != text.data() + text.size()) {
    sodium_memzero(key.data(), key.size());
    // Not quoted: it may be a secret that was only mistyped.
    return fail("this is no key: 32 bytes in base64 are 44 characters and end with '='");
  }
  return key;
}

std::string key_to_string(const std::array<std::uint8_t, 32>& key) {
  std::string text(sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), key.data(), key.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // the terminating zero
  return text;
}

}  // namespace gotthard::config
