// Messages of rtnetlink, written and read; for the files of Netlink.
#pragma once

#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <string_view>

#include "tools/supervisor/netlink.h"

namespace gotthard::supervisor {

inline int family_of(const abi::Address& address) {
  return address.family == abi::Family::ipv4 ? AF_INET : AF_INET6;
}

inline int size_of(const abi::Address& address) {
  return address.family == abi::Family::ipv4 ? 4 : 16;
}

// A message with its fixed header; libnl's allocator fails only when memory is gone.
template <typename Header>
nl_msg* message(int type, int flags, Header header) {
  nl_msg* msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags);
  if (msg != nullptr) {
    nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO);
  }
  return msg;
}

inline void put_address(nl_msg* msg, int type, const abi::Address& address) {
  nla_put(msg, type, size_of(address), address.bytes.data());
}

inline tl::unexpected<Error> kernel_error(std::string_view what, int code) {
  return fail("cannot {}: {}", what, nl_geterror(code));
}

template <typename Header>
const Header& header_of(const RawMessage& body) {
  return *reinterpret_cast<const Header*>(body.data());
}

// An attribute of a raw message, absent when there is none of that type.
template <typename T>
std::optional<T> attribute(const RawMessage& body, std::size_t header_size, int type) {
  const std::size_t start = NLMSG_ALIGN(header_size);
  if (body.size() < start) {
    return std::nullopt;
  }
  const auto* head = reinterpret_cast<const nlattr*>(body.data() + start);
  const nlattr* found = nla_find(head, static_cast<int>(body.size() - start), type);
  if (found == nullptr || nla_len(found) < static_cast<int>(sizeof(T))) {
    return std::nullopt;
  }
  T value{};
  std::memcpy(&value, nla_data(found), sizeof(T));
  return value;
}

}  // namespace gotthard::supervisor
