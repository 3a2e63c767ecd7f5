#include "tools/cli/lifecycle.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/ranges.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/fd.h"
#include "control/config/audit_ike.h"
#include "control/config/config.h"
#include "tools/cli/client.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/report.h"
#include "tools/supervisor/run_dir.h"
#include "tools/supervisor/supervisor.h"

namespace gotthard::cli {
namespace {

void print(const nlohmann::json& value) { std::printf("%s\n", value.dump(2).c_str()); }

void sleep_ms(long milliseconds) {
  const timespec pause{.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1'000'000};
  nanosleep(&pause, nullptr);
}

}  // namespace

int wait_until_ready(const std::string& run_dir, double timeout_seconds, bool as_json) {
  const Nanoseconds end =
      boottime_now() + static_cast<Nanoseconds>(timeout_seconds * static_cast<double>(kSecond));
  for (;;) {
    const mgmt::Answer status = ask(run_dir, "status", {});
    if (status && status->value("ready", false)) {
      if (as_json) {
        print(*status);
      }
      return kOk;
    }
    // It may be starting, or control may be coming back; other failures stay.
    const bool may_pass = status || status.error().code == "not_running" ||
                          status.error().code == "no_answer" || status.error().code == "busy";
    if (!may_pass || (boottime_now() >= end && !status && status.error().code == "not_running")) {
      return report(status.error(), as_json);
    }
    if (boottime_now() >= end) {
      return report(
          {"timeout", fmt::format("not ready after {} s: {}", timeout_seconds,
                                  status ? status->value("missing", "") : status.error().error)},
          as_json);
    }
    sleep_ms(50);
  }
}

namespace {

int open_host(const std::string& run_dir, const std::string& state_dir, bool as_json) {
  const auto lifted = supervisor::lift(run_dir, state_dir);
  if (!lifted) {
    return report(lifted.error(), as_json);
  }
  if (as_json) {
    print({{"ok", true}, {"woken", lifted->devices}, {"blackholes_removed", lifted->blackholes}});
  } else {
    fmt::print(
        "no gateway ran, but the last one had left the host closed: {} woken, {} blackhole "
        "routes removed\n",
        lifted->devices.empty() ? "no device" : fmt::format("{}", fmt::join(lifted->devices, ", ")),
        lifted->blackholes);
  }
  return kOk;
}

}  // namespace

int take_down(const std::string& run_dir, const std::string& state_dir, double timeout_seconds,
              bool as_json) {
  const auto pid = supervisor::running_supervisor(run_dir);
  if (!pid) {
    return report({"failed", pid.error().message}, as_json);
  }
  if (!*pid) {
    return open_host(run_dir, state_dir, as_json);
  }
  // A pidfd names the process even when its number is given to another meanwhile.
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, **pid, 0)));
  if (!process || syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0) != 0) {
    return report(
        {"failed", fmt::format("cannot stop process {}: {}", **pid, std::strerror(errno))},
        as_json);
  }
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  if (poll(&ended, 1, static_cast<int>(timeout_seconds * 1000)) <= 0) {
    return report(
        {"timeout", fmt::format("process {} is still there after {} s", **pid, timeout_seconds)},
        as_json);
  }
  if (as_json) {
    print(nlohmann::json{{"ok", true}});
  }
  return kOk;
}

int check(const std::string& file, bool as_json) {
  const auto config = config::load(file);
  if (as_json) {
    nlohmann::json result{{"file", file}, {"ok", config.has_value()}};
    if (!config) {
      result["error"] = config.error().message;
    } else {
      result["critical"] = config::audit(*config);
      result["advice"] = config::audit_ike(*config, std::time(nullptr));
    }
    print(result);
  } else if (!config) {
    std::fprintf(stderr, "gotthard: %s\n", config.error().message.c_str());
  } else {
    std::size_t peers = 0;
    for (const auto& wireguard : config->wireguard) {
      peers += wireguard.peers.size();
    }
    for (const auto& ipsec : config->ipsec) {
      peers += ipsec.connections.size();
    }
    for (const std::string& finding : config::audit(*config)) {
      std::printf("%s: critical: %s\n", file.c_str(), finding.c_str());
    }
    for (const std::string& finding : config::audit_ike(*config, std::time(nullptr))) {
      std::printf("%s: advice: %s\n", file.c_str(), finding.c_str());
    }
    std::printf("%s: ok (%zu ports, %zu tunnels, %zu peers)\n", file.c_str(), config->ports.size(),
                config->wireguard.size() + config->ipsec.size(), peers);
  }
  return config ? kOk : kUsage;
}

}  // namespace gotthard::cli
