// Requests at /run/wireguard/NAME.sock: whatever they say, they are understood or refused, and what
// is understood is within bounds.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/uapi/request.h"
#include "control/uapi/running.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using gotthard::control::InterfaceChange;
  // What a checkpoint may hold, as if it were of the right file.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  gotthard::config::Config config;
  config.wireguard.resize(1);
  config.wireguard[0].name = "wg0";
  gotthard::control::Keys keys;
  auto kept = gotthard::uapi::running_text("", {});
  (void)gotthard::uapi::restore_running(kept.append(text), "", &config, &keys);
  const auto request = gotthard::uapi::parse({reinterpret_cast<const char*>(data), size});
  if (!request) {
    if (request.error().error == 0 || request.error().message.empty()) {
      __builtin_trap();
    }
    return 0;
  }
  if (const auto* change = std::get_if<InterfaceChange>(&*request)) {
    for (const auto& peer : change->peers) {
      for (const auto& prefix : peer.allowed_ips) {
        if (prefix.length > (prefix.address.family == gotthard::abi::Family::ipv4 ? 32 : 128)) {
          __builtin_trap();
        }
      }
    }
  }
  return 0;
}
