#include "tools/supervisor/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/fd.h"

namespace gotthard::supervisor {
namespace {

// The value asked for or set; nothing when the device does not know the command.
Result<std::optional<std::uint32_t>> ethtool(const std::string& device, std::uint32_t command,
                                             std::uint32_t data) {
  const UniqueFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_value value{command, data};
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (ioctl(socket_fd.get(), SIOCETHTOOL, &request) == 0) {
    return value.data;
  }
  if (errno == EOPNOTSUPP || errno == EINVAL) {
    return std::nullopt;
  }
  return fail("cannot read or change the offloads of {}: {}", device, std::strerror(errno));
}

}  // namespace

Result<Coalescing> coalescing(const std::string& device) {
  const auto gro = ethtool(device, ETHTOOL_GGRO, 0);
  const auto flags = ethtool(device, ETHTOOL_GFLAGS, 0);
  if (!gro || !flags) {
    return tl::unexpected((gro ? flags : gro).error());
  }
  return Coalescing{gro->value_or(0) != 0, (flags->value_or(0) & ETH_FLAG_LRO) != 0};
}

Status set_coalescing(const std::string& device, const Coalescing& wanted) {
  const auto now = coalescing(device);
  if (!now) {
    return tl::unexpected(now.error());
  }
  if (now->gro != wanted.gro) {
    if (auto set = ethtool(device, ETHTOOL_SGRO, wanted.gro ? 1 : 0); !set) {
      return tl::unexpected(set.error());
    }
  }
  if (now->lro != wanted.lro) {
    const auto flags = ethtool(device, ETHTOOL_GFLAGS, 0);
    if (!flags) {
      return tl::unexpected(flags.error());
    }
    const std::uint32_t others = flags->value_or(0) & ~std::uint32_t{ETH_FLAG_LRO};
    if (auto set = ethtool(device, ETHTOOL_SFLAGS, others | (wanted.lro ? ETH_FLAG_LRO : 0));
        !set) {
      return tl::unexpected(set.error());
    }
  }
  return {};
}

}  // namespace gotthard::supervisor
