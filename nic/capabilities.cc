#include "nic/capabilities.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "nic/threads.h"

namespace gotthard::nic {

Sockets sockets_needed(std::span<const std::string> drivers) {
  // Bifurcated drivers read link state and counters from the kernel's network device.
  constexpr std::array<std::string_view, 3> kBifurcated{"net_mlx4", "mlx5_pci", "net_mana"};
  const bool any = std::any_of(drivers.begin(), drivers.end(), [&](const std::string& driver) {
    return std::find(kBifurcated.begin(), kBifurcated.end(), driver) != kBifurcated.end();
  });
  return any ? Sockets::any : Sockets::local;
}

Status drop_privileges(Sockets sockets) {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) {
    return fail("cannot forbid core dumps: {}", std::strerror(errno));
  }
  if (const Status dropped = drop_capabilities_of_all_threads(); !dropped) {
    return dropped;
  }
  return forbid_system_calls(sockets);
}

}  // namespace gotthard::nic
