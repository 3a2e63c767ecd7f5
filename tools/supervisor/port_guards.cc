#include "tools/supervisor/port_guards.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace gotthard::supervisor {
namespace {

template <typename T>
bool set(const UniqueFd& fd, int level, int option, const T& value) {
  return setsockopt(fd.get(), level, option, &value, sizeof(value)) == 0;
}

// Both families at once; IPv4 alone where the kernel has nothing else. Bound to a device, so that
// several gateways on one host may listen at the same port, each on its own devices.
UniqueFd udp_socket(int device, bool* ipv6) {
  UniqueFd fd(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  *ipv6 = fd.get() >= 0;
  if (!*ipv6 && errno == EAFNOSUPPORT) {
    fd = UniqueFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  }
  // Whatever comes here all the same is not kept.
  std::array<sock_filter, 1> nothing{{{BPF_RET | BPF_K, 0, 0, 0}}};
  const sock_fprog filter{.len = nothing.size(), .filter = nothing.data()};
  const int off = 0;
  const bool made = fd && set(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter) &&
                    set(fd, SOL_SOCKET, SO_BINDTOIFINDEX, device) &&
                    (!*ipv6 || set(fd, IPPROTO_IPV6, IPV6_V6ONLY, off));
  return made ? std::move(fd) : UniqueFd();
}

bool bind_to(const UniqueFd& fd, std::uint16_t port, bool ipv6) {
  sockaddr_in6 any6{};
  any6.sin6_family = AF_INET6;
  any6.sin6_port = htons(port);
  sockaddr_in any4{};
  any4.sin_family = AF_INET;
  any4.sin_port = htons(port);
  return ipv6 ? bind(fd.get(), reinterpret_cast<const sockaddr*>(&any6), sizeof(any6)) == 0
              : bind(fd.get(), reinterpret_cast<const sockaddr*>(&any4), sizeof(any4)) == 0;
}

}  // namespace

Result<std::optional<std::uint16_t>> PortGuards::hold(const std::set<std::uint16_t>& ports,
                                                      std::span<const int> devices) {
  std::map<std::pair<int, std::uint16_t>, UniqueFd> added;
  std::set<std::pair<int, std::uint16_t>> wanted;
  for (const int device : devices) {
    for (const std::uint16_t port : ports) {
      wanted.emplace(device, port);
      if (guards_.contains({device, port})) {
        continue;
      }
      bool ipv6 = false;
      UniqueFd fd = udp_socket(device, &ipv6);
      if (!fd) {
        return fail("cannot guard UDP port {}: {}", port, std::strerror(errno));
      }
      if (!bind_to(fd, port, ipv6)) {
        return errno == EADDRINUSE
                   ? Result<std::optional<std::uint16_t>>(port)
                   : fail("cannot guard UDP port {}: {}", port, std::strerror(errno));
      }
      added.emplace(std::pair(device, port), std::move(fd));
    }
  }
  std::erase_if(guards_, [&](const auto& guard) { return !wanted.contains(guard.first); });
  guards_.merge(added);
  return std::nullopt;
}

}  // namespace gotthard::supervisor
