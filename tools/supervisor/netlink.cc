#include "tools/supervisor/netlink.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "tools/supervisor/netlink_message.h"

namespace gotthard::supervisor {
namespace {

nlattr* nested(nlattr* within, int type) {
  return within == nullptr
             ? nullptr
             : nla_find(static_cast<const nlattr*>(nla_data(within)), nla_len(within), type);
}

// Of a link of kind `vlan` with 802.1Q's tag; else 0.
std::uint16_t vlan_in(const RawMessage& body) {
  const std::size_t start = NLMSG_ALIGN(sizeof(ifinfomsg));
  if (body.size() < start) {
    return 0;
  }
  const auto* head = reinterpret_cast<const nlattr*>(body.data() + start);
  nlattr* info = nla_find(head, static_cast<int>(body.size() - start), IFLA_LINKINFO);
  const nlattr* kind = nested(info, IFLA_INFO_KIND);
  nlattr* data = nested(info, IFLA_INFO_DATA);
  const nlattr* number = nested(data, IFLA_VLAN_ID);
  const nlattr* protocol = nested(data, IFLA_VLAN_PROTOCOL);
  const bool is_vlan = kind != nullptr && nla_strcmp(kind, "vlan") == 0 && number != nullptr &&
                       nla_len(number) == 2 && protocol != nullptr && nla_len(protocol) == 2 &&
                       nla_get_u16(protocol) == htons(ETH_P_8021Q);
  return is_vlan ? nla_get_u16(number) : 0;
}

}  // namespace

void Netlink::Free::operator()(nl_sock* socket) const { nl_socket_free(socket); }

Result<Netlink> Netlink::open() {
  Netlink netlink(nl_socket_alloc());
  if (!netlink.socket_) {
    return fail("cannot make a netlink socket: out of memory");
  }
  if (const int code = nl_connect(netlink.socket_.get(), NETLINK_ROUTE); code < 0) {
    return kernel_error("make a netlink socket", code);
  }
  return netlink;
}

int Netlink::talk(nl_msg* msg) {
  if (msg == nullptr) {
    return -NLE_NOMEM;
  }
  const int sent = nl_send_auto(socket_.get(), msg);
  nlmsg_free(msg);
  return sent < 0 ? sent : nl_wait_for_ack(socket_.get());
}

Result<std::vector<RawMessage>> Netlink::dump(int type, std::size_t header_size) {
  std::vector<std::uint8_t> header(header_size);  // AF_UNSPEC: both families
  nl_msg* request = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);
  if (request == nullptr) {
    return kernel_error("list what the kernel has", -NLE_NOMEM);
  }
  nlmsg_append(request, header.data(), header.size(), NLMSG_ALIGNTO);
  int code = nl_send_auto(socket_.get(), request);
  nlmsg_free(request);
  if (code < 0) {
    return kernel_error("list what the kernel has", code);
  }
  std::vector<RawMessage> messages;
  const auto collect = [](nl_msg* msg, void* to) -> int {
    const auto* body = static_cast<const std::uint8_t*>(nlmsg_data(nlmsg_hdr(msg)));
    static_cast<std::vector<RawMessage>*>(to)->emplace_back(body,
                                                            body + nlmsg_datalen(nlmsg_hdr(msg)));
    return NL_OK;
  };
  nl_cb* callbacks = nl_cb_alloc(NL_CB_DEFAULT);
  if (callbacks == nullptr) {
    return kernel_error("list what the kernel has", -NLE_NOMEM);
  }
  nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, collect, &messages);
  code = nl_recvmsgs(socket_.get(), callbacks);
  nl_cb_put(callbacks);
  if (code < 0) {
    return kernel_error("list what the kernel has", code);
  }
  std::erase_if(messages, [&](const RawMessage& body) { return body.size() < header_size; });
  return messages;
}

Result<std::optional<LinkState>> Netlink::link(const std::string& name) {
  auto all = dump(RTM_GETLINK, sizeof(ifinfomsg));
  if (!all) {
    return tl::unexpected(all.error());
  }
  for (const RawMessage& body : *all) {
    constexpr std::size_t kHeader = sizeof(ifinfomsg);
    const auto label = attribute<std::array<char, 1>>(body, kHeader, IFLA_IFNAME);
    const auto* first = reinterpret_cast<const nlattr*>(body.data() + NLMSG_ALIGN(kHeader));
    const int rest = static_cast<int>(body.size() - NLMSG_ALIGN(kHeader));
    const nlattr* found = label ? nla_find(first, rest, IFLA_IFNAME) : nullptr;
    if (found == nullptr || nla_strcmp(found, name.c_str()) != 0) {
      continue;
    }
    const auto& header = header_of<ifinfomsg>(body);
    LinkState state;
    state.index = header.ifi_index;
    state.flags = header.ifi_flags;
    state.mtu = attribute<std::uint32_t>(body, kHeader, IFLA_MTU).value_or(0);
    state.mac = attribute<MacAddress>(body, kHeader, IFLA_ADDRESS).value_or(MacAddress{});
    if (const nlattr* xdp = nla_find(first, rest, IFLA_XDP)) {
      const auto* inner = static_cast<const nlattr*>(nla_data(xdp));
      const nlattr* attached = nla_find(inner, nla_len(xdp), IFLA_XDP_ATTACHED);
      state.xdp = attached != nullptr && nla_get_u8(attached) != XDP_ATTACHED_NONE;
    }
    return state;
  }
  return std::nullopt;
}

Status Netlink::change_link(int index, const LinkChange& change) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = index;
  header.ifi_flags = change.set_flags;
  header.ifi_change = change.set_flags | change.clear_flags;
  nl_msg* msg = message(RTM_NEWLINK, 0, header);
  if (msg != nullptr && change.mtu) {
    nla_put_u32(msg, IFLA_MTU, *change.mtu);
  }
  if (msg != nullptr && change.mac) {
    nla_put(msg, IFLA_ADDRESS, static_cast<int>(change.mac->size()), change.mac->data());
  }
  const int code = talk(msg);
  return code < 0 ? Status(kernel_error("change the network device", code)) : Status();
}

Status Netlink::detach_xdp(int index) {
  int worst = 0;
  for (const std::uint32_t mode : {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE}) {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = index;
    nl_msg* msg = message(RTM_NEWLINK, 0, header);
    if (msg != nullptr) {
      nlattr* nest = nla_nest_start(msg, IFLA_XDP);
      nla_put_s32(msg, IFLA_XDP_FD, -1);
      nla_put_u32(msg, IFLA_XDP_FLAGS, mode);
      nla_nest_end(msg, nest);
    }
    // A device that cannot do one of the modes refuses to be told to leave it.
    if (const int code = talk(msg); code < 0 && code != -NLE_OPNOTSUPP && code != -NLE_INVAL) {
      worst = code;
    }
  }
  return worst < 0 ? Status(kernel_error("take an XDP program off", worst)) : Status();
}

namespace {

nl_msg* address_message(int type, int flags, int index, const config::InterfaceAddress& address) {
  ifaddrmsg header{};
  header.ifa_family = static_cast<std::uint8_t>(family_of(address.address));
  header.ifa_prefixlen = address.length;
  header.ifa_index = static_cast<unsigned>(index);
  nl_msg* msg = message(type, flags, header);
  if (msg != nullptr) {
    put_address(msg, IFA_LOCAL, address.address);
    put_address(msg, IFA_ADDRESS, address.address);
  }
  return msg;
}

}  // namespace

Status Netlink::add_address(int index, const config::InterfaceAddress& address) {
  nl_msg* msg = address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, address);
  if (msg != nullptr) {
    if (address.address.family == abi::Family::ipv6) {
      // Usable while duplicate address detection runs (RFC 4429); the kernel ignores the flag where
      // it does not know better.
      nla_put_u32(msg, IFA_FLAGS, IFA_F_OPTIMISTIC);
    } else if (address.length < 31) {
      abi::Address broadcast = address.address;
      for (int bit = address.length; bit < 32; ++bit) {
        broadcast.bytes[static_cast<std::size_t>(bit / 8)] |=
            static_cast<std::uint8_t>(0x80 >> bit % 8);
      }
      put_address(msg, IFA_BROADCAST, broadcast);
    }
  }
  const int code = talk(msg);
  return code < 0 && code != -NLE_EXIST
             ? Status(kernel_error("add the address " + config::to_string(address), code))
             : Status();
}

Status Netlink::remove_address(int index, const config::InterfaceAddress& address) {
  const int code = talk(address_message(RTM_DELADDR, 0, index, address));
  return code < 0 && code != -NLE_NOADDR && code != -NLE_OBJ_NOTFOUND
             ? Status(kernel_error("remove the address " + config::to_string(address), code))
             : Status();
}

Result<int> Netlink::vlan_of(int index, std::uint16_t vlan) {
  auto all = dump(RTM_GETLINK, sizeof(ifinfomsg));
  if (!all) {
    return tl::unexpected(all.error());
  }
  for (const RawMessage& body : *all) {
    if (attribute<std::int32_t>(body, sizeof(ifinfomsg), IFLA_LINK) == index &&
        vlan_in(body) == vlan) {
      return header_of<ifinfomsg>(body).ifi_index;
    }
  }
  return fail("device {} has no VLAN {}", index, vlan);
}

Status Netlink::probe_neighbour(int index, const abi::Address& address) {
  ndmsg header{};
  header.ndm_family = static_cast<std::uint8_t>(family_of(address));
  header.ndm_ifindex = index;
  header.ndm_state = NUD_NONE;
  header.ndm_flags = NTF_USE;
  nl_msg* msg = message(RTM_NEWNEIGH, NLM_F_CREATE, header);
  if (msg != nullptr) {
    put_address(msg, NDA_DST, address);
  }
  const int code = talk(msg);
  return code < 0
             ? Status(kernel_error("ask for the neighbour " + config::to_string(address), code))
             : Status();
}

Result<std::vector<RawMessage>> Netlink::addresses_of(int index) {
  auto all = dump(RTM_GETADDR, sizeof(ifaddrmsg));
  if (all) {
    std::erase_if(*all, [&](const RawMessage& body) {
      const auto& header = header_of<ifaddrmsg>(body);
      const auto flags =
          attribute<std::uint32_t>(body, sizeof(ifaddrmsg), IFA_FLAGS).value_or(header.ifa_flags);
      // Privacy addresses are the kernel's to make; for IPv4 the same bit means "secondary".
      const bool temporary = header.ifa_family == AF_INET6 && (flags & IFA_F_TEMPORARY) != 0;
      return header.ifa_index != static_cast<unsigned>(index) || temporary;
    });
  }
  return all;
}

int Netlink::send_raw(int type, int flags, const RawMessage& body) {
  nl_msg* msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags);
  if (msg != nullptr) {
    nlmsg_append(msg, const_cast<std::uint8_t*>(body.data()), body.size(), NLMSG_ALIGNTO);
  }
  return talk(msg);
}

Status Netlink::remove_raw_address(const RawMessage& body) {
  const int code = send_raw(RTM_DELADDR, 0, body);
  // An address may have gone with another one: a secondary with its primary.
  if (code < 0 && code != -NLE_NOADDR && code != -NLE_OBJ_NOTFOUND) {
    return kernel_error("take an address off", code);
  }
  return {};
}

Status Netlink::restore_raw_address(const RawMessage& body) {
  const int code = send_raw(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body);
  return code < 0 && code != -NLE_EXIST ? Status(kernel_error("put an address back", code))
                                        : Status();
}

}  // namespace gotthard::supervisor
