// rtnetlink messages as the kernel makes them.
#pragma once

#include <gtest/gtest.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "control/route/netlink_parser.h"
#include "tests/unit/route_text.h"

namespace gotthard::route::test {

using Bytes = std::vector<std::byte>;

template <typename T>
Bytes raw(const T& value) {
  Bytes bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}
inline Bytes raw_address(const std::string& text) {
  const Address address = ip(text);
  Bytes bytes(address.family == abi::Family::ipv4 ? 4 : 16);
  std::memcpy(bytes.data(), address.bytes.data(), bytes.size());
  return bytes;
}

inline void append_aligned(Bytes* to, const Bytes& bytes) {
  to->insert(to->end(), bytes.begin(), bytes.end());
  to->resize((to->size() + 3) & ~std::size_t{3});
}
inline Bytes attribute(std::uint16_t type, const Bytes& value) {
  rtattr header{};
  header.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(value.size()));
  header.rta_type = type;
  Bytes bytes = raw(header);
  append_aligned(&bytes, value);
  return bytes;
}

template <typename Body>
Bytes message(std::uint16_t type, const Body& body, const std::vector<Bytes>& attributes,
              std::uint16_t flags = 0, std::uint32_t sequence = 0) {
  Bytes bytes(sizeof(nlmsghdr));
  append_aligned(&bytes, raw(body));
  for (const Bytes& entry : attributes) {
    append_aligned(&bytes, entry);
  }
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(bytes.size());
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  header.nlmsg_seq = sequence;
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

inline Bytes name(const std::string& text) {
  Bytes bytes(text.size() + 1);
  std::memcpy(bytes.data(), text.c_str(), bytes.size());
  return bytes;
}
inline Bytes link_message(int index, const std::string& text,
                          unsigned flags = IFF_UP | IFF_LOWER_UP,
                          std::uint16_t type = RTM_NEWLINK) {
  ifinfomsg body{};
  body.ifi_index = index;
  body.ifi_flags = flags;
  return message(
      type, body,
      {attribute(IFLA_IFNAME, name(text)), attribute(IFLA_MTU, raw(std::uint32_t{1500}))});
}
inline Bytes route_message(const std::string& destination, std::uint8_t length, std::uint32_t link,
                           std::vector<Bytes> more = {}, std::uint16_t type = RTM_NEWROUTE,
                           std::uint16_t flags = 0) {
  rtmsg body{};
  body.rtm_family = destination.find(':') == std::string::npos ? AF_INET : AF_INET6;
  body.rtm_dst_len = length;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_type = RTN_UNICAST;
  body.rtm_protocol = RTPROT_STATIC;
  if (length > 0) {
    more.push_back(attribute(RTA_DST, raw_address(destination)));
  }
  if (link != 0) {
    more.push_back(attribute(RTA_OIF, raw(link)));
  }
  return message(type, body, more, flags);
}
inline Bytes hop(int link, const std::vector<Bytes>& attributes, std::uint8_t flags = 0) {
  Bytes bytes(sizeof(rtnexthop));
  for (const Bytes& entry : attributes) {
    append_aligned(&bytes, entry);
  }
  rtnexthop header{};
  header.rtnh_len = static_cast<std::uint16_t>(bytes.size());
  header.rtnh_ifindex = link;
  header.rtnh_flags = flags;
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}
inline Bytes next_hop_message(std::uint32_t id, std::vector<Bytes> more,
                              std::uint8_t family = AF_INET, std::uint16_t type = RTM_NEWNEXTHOP) {
  nhmsg body{};
  body.nh_family = family;
  more.push_back(attribute(NHA_ID, raw(id)));
  return message(type, body, more);
}
inline Bytes joined(const std::vector<Bytes>& parts) {
  Bytes bytes;
  for (const Bytes& part : parts) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}
inline Bytes neighbour_message(int link, const std::string& address, std::uint16_t state,
                               const Bytes& mac, std::uint16_t type = RTM_NEWNEIGH) {
  ndmsg body{};
  body.ndm_family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  body.ndm_ifindex = link;
  body.ndm_state = state;
  std::vector<Bytes> attributes{attribute(NDA_DST, raw_address(address))};
  if (!mac.empty()) {
    attributes.push_back(attribute(NDA_LLADDR, mac));
  }
  return message(type, body, attributes);
}
inline Bytes address_message(int link, const std::string& address, std::uint8_t length,
                             std::uint32_t flags = 0, std::uint16_t type = RTM_NEWADDR) {
  ifaddrmsg body{};
  body.ifa_family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  body.ifa_prefixlen = length;
  body.ifa_index = static_cast<std::uint32_t>(link);
  return message(type, body,
                 {attribute(IFA_ADDRESS, raw_address(address)), attribute(IFA_FLAGS, raw(flags))});
}

inline const Bytes kMacBytes = raw(std::array<std::uint8_t, 6>{2, 0, 0, 0, 0, 7});

inline Bytes rule_message(std::uint8_t family, std::uint32_t priority, std::uint32_t table,
                          std::uint16_t type = RTM_NEWRULE, std::vector<Bytes> more = {}) {
  fib_rule_hdr body{};
  body.family = family;
  body.action = FR_ACT_TO_TBL;
  more.push_back(attribute(FRA_PRIORITY, raw(priority)));
  more.push_back(attribute(FRA_TABLE, raw(table)));
  return message(type, body, more);
}

// What one message is.
inline ParsedMessage parse(const Bytes& bytes, const FollowedTables& tables = {}) {
  ParsedMessage result = Ignored::malformed;
  int count = 0;
  EXPECT_TRUE(for_each_message(bytes, [&](const NetlinkMessage& message) {
    ++count;
    result = parse_message(message, tables);
  }));
  EXPECT_EQ(count, 1);
  return result;
}

}  // namespace gotthard::route::test
