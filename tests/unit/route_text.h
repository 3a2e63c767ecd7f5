// Addresses and prefixes as people write them.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

#include "control/route/changes.h"

namespace gotthard::route::test {

inline Address ip(const std::string& text) {
  Address address;
  const bool ipv6 = text.find(':') != std::string::npos;
  address.family = ipv6 ? abi::Family::ipv6 : abi::Family::ipv4;
  EXPECT_EQ(inet_pton(ipv6 ? AF_INET6 : AF_INET, text.c_str(), address.bytes.data()), 1);
  return address;
}

inline Prefix net(const std::string& text) {
  const auto slash = text.find('/');
  return {ip(text.substr(0, slash)), static_cast<std::uint8_t>(std::stoi(text.substr(slash + 1)))};
}

}  // namespace gotthard::route::test
