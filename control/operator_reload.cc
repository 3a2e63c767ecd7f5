#include "control/operator_reload.h"

#include <utility>

#include "base/duration.h"
#include "control/gateway.h"

namespace gotthard::control {
namespace {

using broker::ReloadMode;
using mgmt::Arguments;
using mgmt::Failure;
using mgmt::Reply;

bool ready(const Gateway& gateway, const Reply& reply) {
  if (gateway.missing().empty()) {
    return true;
  }
  reply(tl::unexpected(Failure{"not_ready", "the gateway is not ready: " + gateway.missing()}));
  return false;
}

void reload(Gateway* gateway, const Arguments& arguments, Reply reply) {
  broker::Reload wanted{.mode = arguments.contains("dry-run") ? ReloadMode::compare
                                                              : ReloadMode::apply};
  if (const auto confirm = arguments.find("confirm"); confirm != arguments.end()) {
    const auto seconds = parse_seconds(confirm->second);
    if (!seconds || *seconds == 0 || *seconds > broker::kMaxConfirmSeconds) {
      reply(tl::unexpected(
          Failure{"bad_argument", fmt::format("'{}' is no time: write 90, 60s, 5m or 1h, at most a "
                                              "day",
                                              confirm->second)}));
      return;
    }
    wanted.confirm_seconds = *seconds;
  }
  if (ready(*gateway, reply)) {
    gateway->reload(wanted, std::move(reply));
  }
}

}  // namespace

mgmt::Handler reload_handler(Gateway* gateway) {
  return [gateway](const Arguments& arguments, Reply reply) {
    reload(gateway, arguments, std::move(reply));
  };
}

mgmt::Handler confirm_handler(Gateway* gateway) {
  return [gateway](const Arguments&, Reply reply) { gateway->confirm_reload(std::move(reply)); };
}

mgmt::Handler diff_handler(Gateway* gateway) {
  return [gateway](const Arguments&, Reply reply) {
    if (ready(*gateway, reply)) {
      gateway->reload({.mode = ReloadMode::difference}, std::move(reply));
    }
  };
}

}  // namespace gotthard::control
