#include "nic/eal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_memory.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "base/log.h"

namespace gotthard::nic {
namespace {

// DPDK writes whole lines here, from any of its threads.
ssize_t write_log_line(void*, const char* text, std::size_t size) {
  std::string_view line(text, size);
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) {
    line.remove_suffix(1);
  }
  if (!line.empty()) {
    // DPDK warns of much that is as it should be here; at `info` and above it may be wrong too.
    const bool serious = rte_log_cur_msg_loglevel() <= static_cast<int>(RTE_LOG_ERR);
    log::event(serious ? log::Level::warning : log::Level::debug, log::Subsystem::port, "dpdk",
               {{"message", line}});
  }
  return static_cast<ssize_t>(size);
}

void capture_log() {
  cookie_io_functions_t functions{};
  functions.write = write_log_line;
  std::FILE* stream = fopencookie(nullptr, "w", functions);
  if (stream != nullptr) {
    setvbuf(stream, nullptr, _IOLBF, 0);
    rte_openlog_stream(stream);
  }
}

std::string lcores(const EalOptions& options) {
  std::string result = fmt::format("0@({})", fmt::join(options.manager_cpus, ","));
  for (std::size_t i = 0; i < options.worker_cpus.size(); ++i) {
    result += fmt::format(",{}@{}", i + 1, options.worker_cpus[i]);
  }
  return result;
}

std::vector<std::string> arguments(const EalOptions& options) {
  std::vector<std::string> argv{"gotthard", "--lcores", lcores(options), "--file-prefix",
                                options.prefix, "--no-telemetry", "--log-level", "lib.eal:warning",
                                // Lookups and drivers may use what the CPU has.
                                "--force-max-simd-bitwidth=512"};
  if (options.memory == Memory::hugepages) {
    argv.insert(argv.end(), {"--in-memory"});
  } else {
    argv.insert(argv.end(), {"--no-huge", "--no-shconf", "-m", fmt::to_string(options.megabytes)});
  }
  if (options.pci.empty()) {
    argv.emplace_back("--no-pci");
  }
  for (const std::string& address : options.pci) {
    argv.insert(argv.end(), {"-a", address});
  }
  return argv;
}

// Pages that are taken later are mapped anew and forget what was advised for the area.
void on_memory_event(rte_mem_event type, const void* address, std::size_t size, void*) {
  if (type == RTE_MEM_EVENT_ALLOC) {
    madvise(const_cast<void*>(address), size, MADV_DONTDUMP);
  }
}

int leave_out_of_dumps(const rte_memseg_list* list, void*) {
  madvise(list->base_va, list->len, MADV_DONTDUMP);
  return 0;
}

// Locks pages as they are first touched, so that unused memory costs nothing.
int lock_on_use(const rte_memseg_list* list, void*) {
  return mlock2(list->base_va, list->len, MLOCK_ONFAULT);
}

void protect_memory(Memory memory) {
  if (memory == Memory::hugepages) {
    // Hugepages are never swapped.
    rte_mem_event_callback_register("gotthard", on_memory_event, nullptr);
  } else if (rte_memseg_list_walk(lock_on_use, nullptr) != 0) {
    log::event(log::Level::warning, log::Subsystem::port, "memory_not_locked",
               {{"error", std::strerror(errno)},
                {"warning",
                 "packets and keys may be swapped out: allow CAP_IPC_LOCK or raise "
                 "RLIMIT_MEMLOCK"}});
  }
  rte_memseg_list_walk(leave_out_of_dumps, nullptr);
}

// Drivers lock pages for devices, also later, when there are no privileges any more.
void raise_lock_limit() {
  const rlimit unlimited{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

}  // namespace

Status start_eal(const EalOptions& options) {
  capture_log();
  raise_lock_limit();
  std::vector<std::string> text = arguments(options);
  std::vector<char*> argv;
  argv.reserve(text.size());
  for (std::string& argument : text) {
    argv.push_back(argument.data());
  }
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    return fail(
        "DPDK does not start ({}): {}", rte_strerror(rte_errno),
        options.memory == Memory::hugepages
            ? "look at the log lines of event=dpdk; with hugepages = \"never\" it needs none"
            : "look at the log lines of event=dpdk");
  }
  // Made for secondary processes, of which there are none; removed now as we may be killed later.
  rmdir(rte_eal_get_runtime_dir());
  protect_memory(options.memory);
  return {};
}

void stop_eal() { rte_eal_cleanup(); }

Status launch_worker(unsigned index, int (*function)(void*), void* argument) {
  if (rte_eal_remote_launch(function, argument, index + 1) != 0) {
    return fail("worker {} does not start", index);
  }
  return {};
}

void join_worker(unsigned index) { rte_eal_wait_lcore(index + 1); }

int worker_socket(unsigned index) { return static_cast<int>(rte_lcore_to_socket_id(index + 1)); }

}  // namespace gotthard::nic
