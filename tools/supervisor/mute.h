// The kernel's device beneath an af_packet or af_xdp port belongs to the data plane while the
// gateway runs: the kernel must neither answer nor forward what arrives there, least of all forward
// a copy in the clear (with ip_forward=1 it does).
#pragma once

#include <string>

#include "base/result.h"
#include "tools/supervisor/leftovers.h"
#include "tools/supervisor/netlink.h"

namespace gotthard::supervisor {

// What the device is like now, to be noted before anything is changed.
Result<MutedDevice> observe_device(Netlink& netlink, const std::string& name);

// `mtu` is the port's. On an error the device is as before. `again`: it is muted, and never takes a
// packet meanwhile; on an error it stays so.
Status mute_device(Netlink& netlink, const MutedDevice& device, unsigned mtu, bool again);

// Puts everything back that can be; the first error is returned after all was tried. Of a device
// that is gone, or of another one of that name, only our table goes.
Status restore_device(Netlink& netlink, const MutedDevice& device);

// "/proc/sys/net/ipv6/conf/DEVICE/FILE"; a kernel without IPv6 has none, which is no error.
Status write_ipv6_setting(const std::string& device, const char* file, int value);

}  // namespace gotthard::supervisor
