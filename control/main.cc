// gotthard-control: started by `gotthard up` with every descriptor that it will ever have.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/log.h"
#include "control/checkpoint/size.h"
#include "control/gateway.h"
#include "control/sandbox.h"
#include "crypto/init.h"

namespace gotthard::control {
namespace {

struct Options {
  int broker_fd = -1;
  int listen_fd = -1;
  int netlink_fd = -1;
  int checkpoint_fd = -1;
  int dataplane_fd = -1;
  std::vector<int> uapi_fds;
  std::string log_format = "logfmt";
  std::string log_level = "info";
};

Status start_log(const Options& options) {
  const auto level = log::parse_level(options.log_level);
  if (!level) {
    return tl::unexpected(level.error());
  }
  log::open("gotthard-control",
            options.log_format == "json" ? log::Format::json : log::Format::logfmt);
  for (int i = 0; i < static_cast<int>(log::Subsystem::count); ++i) {
    log::set_level(static_cast<log::Subsystem>(i), *level);
  }
  return {};
}

Status run(const Options& options) {
  if (const Status started = start_log(options); !started) {
    return started;
  }
  // Started by a descriptor it would be called by that one's number.
  prctl(PR_SET_NAME, "gotthard-control", 0, 0, 0);
  if (const Status hidden = protect_memory(); !hidden) {
    return hidden;
  }
  // The supervisor decides when this process ends: a Ctrl-C is for it alone.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  if (const Status ready = crypto::init(); !ready) {
    return ready;
  }
  GatewayDescriptors descriptors{.broker = UniqueFd(options.broker_fd),
                                 .listener = UniqueFd(options.listen_fd),
                                 .netlink = UniqueFd(options.netlink_fd),
                                 .dataplane = UniqueFd(options.dataplane_fd)};
  for (const int fd : options.uapi_fds) {
    descriptors.uapi.emplace_back(fd);
  }
  auto checkpoint =
      memfd_map(options.checkpoint_fd, checkpoint::kMemorySize, MapAccess::read_write, true);
  if (!checkpoint) {
    return tl::unexpected(checkpoint.error());
  }
  descriptors.checkpoint = std::move(*checkpoint);
  const auto received = broker::receive_configuration(options.broker_fd);
  if (!received) {
    return tl::unexpected(received.error());
  }
  auto gateway = Gateway::create(std::move(descriptors), *received);
  if (!gateway) {
    return tl::unexpected(gateway.error());
  }
  if (const Status entered = enter_sandbox(); !entered) {
    return entered;
  }
  return (*gateway)->run();
}

}  // namespace
}  // namespace gotthard::control

int main(int argc, char** argv) {
  gotthard::control::Options options;
  CLI::App app("Gotthard's control plane; started by `gotthard up`, not by hand");
  app.add_option("--broker-fd", options.broker_fd)->required();
  app.add_option("--listen-fd", options.listen_fd)->required();
  app.add_option("--netlink-fd", options.netlink_fd)->required();
  app.add_option("--checkpoint-fd", options.checkpoint_fd)->required();
  app.add_option("--dataplane-fd", options.dataplane_fd)->required();
  app.add_option("--uapi-fd", options.uapi_fds, "One an interface, in their order");
  app.add_option("--log-format", options.log_format)->check(CLI::IsMember({"logfmt", "json"}));
  app.add_option("--log-level", options.log_level);
  CLI11_PARSE(app, argc, argv);
  const gotthard::Status status = gotthard::control::run(options);
  if (!status) {
    gotthard::log::event(gotthard::log::Level::error, gotthard::log::Subsystem::control,
                         "start_failed", {{"error", status.error().message}});
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
