// What is spoken at /run/wireguard/NAME.sock: the userspace API, carried out on one interface.
#pragma once

#include <cstdint>
#include <functional>

#include "control/mgmt/server.h"
#include "control/uapi/answer.h"
#include "control/uapi/request.h"

namespace gotthard::uapi {

struct Interface {
  std::function<InterfaceView()> view;
  std::function<tl::expected<void, control::ChangeRefused>(control::InterfaceChange)> apply;
};

[[nodiscard]] mgmt::Language language(Interface interface);

}  // namespace gotthard::uapi
