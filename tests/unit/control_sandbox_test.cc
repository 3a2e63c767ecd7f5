// What control may still do after its start, and what ends it.
#include "control/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/memfd.h"
#include "base/socket.h"
#include "crypto/init.h"
#include "crypto/random.h"
#include "crypto/x25519.h"

namespace gotthard::control {
namespace {

// How a child ends that does `what` inside the sandbox; 0 when it came through.
int ends_with(const std::function<bool()>& what) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    const bool done = protect_memory().has_value() && enter_sandbox().has_value() && what();
    _exit(done ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

void expect_killed(const std::string& name, const std::function<void()>& what) {
  const int status = ends_with([&] {
    what();
    return true;
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << name << " ended " << status;
}

TEST(Sandbox, FilesSocketsAndProgramsAreOutOfReach) {
  expect_killed("open", [] { (void)open("/dev/null", O_RDONLY); });
  expect_killed("socket", [] { (void)socket(AF_INET, SOCK_DGRAM, 0); });
  expect_killed("socketpair", [] { (void)seqpacket_pair(); });
  expect_killed("execve", [] { execl("/bin/true", "true", nullptr); });
  expect_killed("fork", [] { (void)fork(); });
  expect_killed("ptrace", [] { (void)ptrace(PTRACE_TRACEME, 0, 0, 0); });
  expect_killed("prctl", [] { (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); });
  expect_killed("kill", [] { (void)kill(getppid(), 0); });
  expect_killed("memfd_create", [] { (void)memfd_create_sized("x", 4096); });
  expect_killed("executable memory", [] {
    (void)mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
               0);
  });
  expect_killed("signal to another process", [] { (void)tgkill(getppid(), getppid(), 0); });
}

TEST(Sandbox, AllOfControlsWorkIsPossible) {
  ASSERT_TRUE(crypto::init());
  log::open("sandbox-test", log::Format::logfmt);
  const auto memory = memfd_create_sized("shared", 1 << 20);
  const auto ends = seqpacket_pair();
  ASSERT_TRUE(memory.has_value() && ends.has_value());
  ASSERT_TRUE(memfd_seal_size(memory->get()));
  const int status = ends_with([&] {
    // A new attachment: descriptors over the socket, then maps of them.
    const std::array<std::byte, 4> bytes{};
    const std::array<int, 1> fds = {memory->get()};
    bool closed = false;
    if (!send_message(ends->first.get(), bytes, fds)) {
      return false;
    }
    auto message = receive_message(ends->second.get(), 16, false, &closed);
    if (!message || !*message || (*message)->fds.size() != 1) {
      return false;
    }
    const auto mapping = memfd_map((*message)->fds[0].get(), 1 << 20, MapAccess::read_write, true);
    // Handshakes, memory large and small, time, a log line.
    crypto::PrivateKey key;
    crypto::random_bytes(key.bytes());
    (void)crypto::public_key(key);
    std::vector<std::string> blocks;
    for (std::size_t i = 0; i < 100; ++i) {
      blocks.emplace_back(i * 50'000, 'x');
    }
    log::event(log::Level::info, log::Subsystem::control, "sandboxed", {{"now", boottime_now()}});
    return mapping.has_value();
  });
  EXPECT_EQ(status, 0);
}

TEST(Sandbox, AnAbortLeavesNoCore) {
  const int status = ends_with([] {
    abort();
    return false;
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  EXPECT_FALSE(WCOREDUMP(status));
}

}  // namespace
}  // namespace gotthard::control
