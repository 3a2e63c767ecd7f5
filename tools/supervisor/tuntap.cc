#include "tools/supervisor/tuntap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <time.h>

#include <cerrno>
#include <cstring>

namespace gotthard::supervisor {
namespace {

// A killed gateway's data plane may take a moment to die and let go of the name.
constexpr int kAttempts = 40;
constexpr timespec kPause{0, 50'000'000};

}  // namespace

Result<UniqueFd> make_tuntap(const std::string& name, TunTap kind) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  // No IFF_VNET_HDR: the kernel then completes checksums and splits large packets itself.
  const int flags = (kind == TunTap::tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI | IFF_TUN_EXCL;
  request.ifr_flags = static_cast<short>(flags);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    UniqueFd fd(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!fd) {
      return fail("cannot open /dev/net/tun: {} (`modprobe tun`?)", std::strerror(errno));
    }
    if (ioctl(fd.get(), TUNSETIFF, &request) == 0) {
      return fd;
    }
    if (errno != EBUSY && errno != EEXIST) {
      break;
    }
    nanosleep(&kPause, nullptr);
  }
  if (errno == EBUSY || errno == EEXIST || errno == EINVAL) {
    return fail(
        "there is already a network device named '{0}': remove it (`ip link del {0}`) or give the "
        "[[port]] or tunnel another name",
        name);
  }
  return fail("cannot make the network device '{}': {}", name, std::strerror(errno));
}

}  // namespace gotthard::supervisor
