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
  // `done` is called once, at once or later.
  using Done = std::function<void(const tl::expected<void, control::ChangeRefused>&)>;
  std::function<void(control::InterfaceChange, Done done)> apply;
};

[[nodiscard]] mgmt::Language language(Interface interface);

}  // namespace gotthard::uapi
