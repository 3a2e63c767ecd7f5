#include "tools/supervisor/supervisor.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "tools/supervisor/background.h"
#include "tools/supervisor/gateway.h"
#include "tools/supervisor/host.h"
#include "tools/supervisor/hugepages.h"
#include "tools/supervisor/lab_keys.h"
#include "tools/supervisor/plan.h"
#include "tools/supervisor/privileges.h"
#include "tools/supervisor/run_dir.h"

namespace gotthard::supervisor {
namespace {

constexpr auto kSubsystem = log::Subsystem::supervisor;

mgmt::Failure failed(const Error& error) { return {"failed", error.message}; }

// From here on a signal waits until it can be obeyed in order. A reader of our log that goes away
// must not end the gateway.
void hold_signals() {
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&ends, signal);
  }
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

// Keys are looked at, and the checkpoint has some: no core files, of children neither.
void stay_out_of_core_files() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  (void)setrlimit(RLIMIT_CORE, &none);
}

// Key files are many descriptors, secrets and XDP rings are locked memory; children inherit the
// limits. Without CAP_SYS_RESOURCE the hard limit is the most there is.
void raise_limits() {
  for (const auto resource : {RLIMIT_NOFILE, RLIMIT_MEMLOCK}) {
    rlimit limit{};
    getrlimit(resource, &limit);
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    limit.rlim_cur = limit.rlim_max;
    if (resource != RLIMIT_MEMLOCK || setrlimit(resource, &unlimited) != 0) {
      (void)setrlimit(resource, &limit);
    }
  }
}

// Whether the data plane uses hugepages; what was reserved is noted in `host`.
Result<bool> provide_memory(const config::Config& config, Host& host, HugepagePool& pool) {
  const config::Hugepages wanted = config.dataplane.hugepages;
  if (wanted == config::Hugepages::never) {
    return false;
  }
  const bool required = wanted == config::Hugepages::required;
  const std::uint64_t needed = hugepages_needed(config, online_cpus(), port_nodes(config));
  const auto without = [&](const Error& why) -> Result<bool> {
    pool.unlock();
    if (required) {
      return tl::unexpected(why);
    }
    log::event(log::Level::info, kSubsystem, "no_hugepages", {{"reason", why.message}});
    return false;
  };
  if (auto locked = pool.lock(); !locked) {
    return without(locked.error());
  }
  const auto free_pages = pool.free_pages();
  const auto available = available_memory_kb();
  if (!free_pages || !available) {
    return without(free_pages ? available.error() : free_pages.error());
  }
  const auto plan = plan_hugepages(wanted, needed, *free_pages, *available);
  if (!plan) {
    return without(plan.error());
  }
  if (!plan->use) {
    return without({"there is too little memory to reserve hugepages"});
  }
  if (plan->reserve > 0) {
    const auto added = pool.add(plan->reserve);
    if (!added) {
      return without(added.error());
    }
    if (*added < plan->reserve) {
      (void)pool.remove(*added);
      return without(
          {fmt::format("the kernel gave only {} of {} pages of 2 MB: its memory is "
                       "fragmented; reserve them at boot (`hugepages={}`)",
                       *added, plan->reserve, needed)});
    }
    if (auto noted = host.note_hugepages(*added); !noted) {
      (void)pool.remove(*added);
      return tl::unexpected(noted.error());
    }
  }
  log::event(log::Level::info, kSubsystem, "hugepages",
             {{"pages", needed}, {"reserved_now", plan->reserve}});
  return true;
}

Status set_up_and_run(const Options& options, Plan plan, const Programs& programs, RunDir& run_dir,
                      Host& host, HugepagePool& pool, Background& background) {
  const auto hugepages = provide_memory(plan.config, host, pool);
  if (!hugepages) {
    return tl::unexpected(hugepages.error());
  }
  auto uapi = UapiSockets::open(plan.config);
  if (!uapi) {
    return tl::unexpected(uapi.error());
  }
  if (auto done = host.set_up(); !done) {
    return done;
  }
  auto listener = run_dir.listen_control();
  auto checkpoint = CheckpointMemory::make();
  auto loop = EventLoop::make();
  auto links = LinkMonitor::open();
  if (!listener || !checkpoint || !loop || !links) {
    return tl::unexpected(!listener     ? listener.error()
                          : !checkpoint ? checkpoint.error()
                          : !loop       ? loop.error()
                                        : links.error());
  }
  // As late as can be: what is recorded is used, whatever becomes of the gateway.
  auto lab_keys = take_lab_keys(plan.config, options.state_dir);
  if (!lab_keys) {
    return tl::unexpected(lab_keys.error());
  }
  if (auto limited = limit_to(supervisor_capabilities(), dataplane_capabilities(plan.config));
      !limited) {
    return limited;
  }
  Gateway gateway(programs, host, pool,
                  {.plan = std::move(plan),
                   .lab_keys = std::move(*lab_keys),
                   .read_again = [&options] { return read_configuration(options); },
                   .take_lab_keys =
                       [&options](const config::Config& config, const config::Config& running) {
                         return take_lab_keys(config, options.state_dir, &running);
                       },
                   .hugepages = *hugepages,
                   .listener = std::move(*listener),
                   .uapi = std::move(*uapi),
                   .checkpoint = std::move(*checkpoint),
                   .loop = std::move(*loop),
                   .links = std::move(*links)});
  return gateway.run([&] { (void)background.tell(std::nullopt); });
}

std::optional<mgmt::Failure> run_here(const Options& options, Plan plan, Background& background) {
  const auto programs = find_programs(options);
  if (!programs) {
    return failed(programs.error());
  }
  log::open("supervisor", plan.config.log.format);
  for (int i = 0; i < static_cast<int>(log::Subsystem::count); ++i) {
    log::set_level(static_cast<log::Subsystem>(i), plan.config.log.level);
  }
  hold_signals();
  raise_limits();
  bool running = false;
  auto run_dir = RunDir::claim(options.run_dir, options.state_dir, &running);
  if (!run_dir) {
    return mgmt::Failure{running ? "running" : "failed", run_dir.error().message};
  }
  auto host = Host::open(plan.config, options.state_dir);
  if (!host) {
    return failed(host.error());
  }
  if (auto repaired = host->repair(); !repaired) {
    return failed(repaired.error());
  }
  HugepagePool pool;
  const Status ended =
      set_up_and_run(options, std::move(plan), *programs, *run_dir, *host, pool, background);
  pool.unlock();
  if (!ended) {
    log::event(log::Level::error, kSubsystem, "failed", {{"error", ended.error().message}});
    host->give_up();
    return failed(ended.error());
  }
  host->restore();
  log::event(log::Level::info, kSubsystem, "down");
  return std::nullopt;
}

}  // namespace

std::optional<mgmt::Failure> run(const Options& options) {
  stay_out_of_core_files();
  auto plan = read_configuration(options);
  if (!plan) {
    return mgmt::Failure{"refused", plan.error().message};
  }
  if (geteuid() != 0) {
    return mgmt::Failure{"not_permitted", "only root may start a gateway: use sudo"};
  }
  Background background;
  if (!options.foreground) {
    auto detached = background.detach();
    if (!detached) {
      return failed(detached.error());
    }
    if (*detached) {
      return std::move(**detached);
    }
  }
  auto ended = run_here(options, std::move(*plan), background);
  if (ended && background.tell(ended)) {
    return std::nullopt;
  }
  return ended;
}

tl::expected<Host::Lifted, mgmt::Failure> lift(const std::string& run_dir,
                                               const std::string& state_dir) {
  const auto nothing = [&] {
    return tl::unexpected(
        mgmt::Failure{"not_running", fmt::format("no gateway runs with --run-dir {}", run_dir)});
  };
  std::error_code error;
  if (!std::filesystem::exists(state_dir, error)) {
    return nothing();
  }
  bool running = false;
  auto run = RunDir::claim(run_dir, state_dir, &running);
  if (!run) {
    return tl::unexpected(mgmt::Failure{running ? "running" : "failed", run.error().message});
  }
  auto lifted = Host::lift(state_dir);
  if (!lifted) {
    return tl::unexpected(failed(lifted.error()));
  }
  if (!*lifted) {
    return nothing();
  }
  return **lifted;
}

}  // namespace gotthard::supervisor
