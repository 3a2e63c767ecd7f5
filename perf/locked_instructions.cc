#include "perf/locked_instructions.h"

#include <ucontext.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace gotthard::perf {
namespace {

std::uint64_t locked = 0;  // the handler's

// Called before each instruction, whose address is in the context.
void on_step(int, siginfo_t*, void* context) {
  const auto* state = static_cast<const ucontext_t*>(context);
  const auto at = static_cast<std::uintptr_t>(state->uc_mcontext.gregs[REG_RIP]);
  locked += is_locked(reinterpret_cast<const std::uint8_t*>(at)) ? 1 : 0;
}

// Below the stack lies what leaf functions keep there: 128 bytes are passed over.
void set_trap_flag(bool on) {
  constexpr std::uint64_t kTrapFlag = 0x100;
  std::uint64_t flags;
  asm volatile("lea -128(%%rsp), %%rsp\n pushfq\n popq %0\n lea 128(%%rsp), %%rsp"
               : "=r"(flags)::"cc", "memory");
  flags = on ? flags | kTrapFlag : flags & ~kTrapFlag;
  asm volatile("lea -128(%%rsp), %%rsp\n pushq %0\n popfq\n lea 128(%%rsp), %%rsp" ::"r"(flags)
               : "cc", "memory");
}

}  // namespace

bool is_locked(const std::uint8_t* instruction) {
  constexpr std::uint8_t kLock = 0xf0;
  const auto is_prefix = [](std::uint8_t byte) {
    return std::strchr("\xf2\xf3\x2e\x36\x3e\x26\x64\x65\x66\x67", byte) != nullptr && byte != 0;
  };
  const std::uint8_t* at = instruction;
  for (; is_prefix(*at) || *at == kLock; ++at) {
    if (*at == kLock) {
      return true;
    }
  }
  at += (*at & 0xf0) == 0x40 ? 1 : 0;  // REX
  const bool exchange = *at == 0x86 || *at == 0x87;
  return exchange && (at[1] >> 6) != 3;  // not of two registers
}

Result<std::uint64_t> count_locked_instructions(const std::function<void()>& code) {
  struct sigaction action {};
  action.sa_sigaction = on_step;
  action.sa_flags = SA_SIGINFO;
  struct sigaction before {};
  if (sigaction(SIGTRAP, &action, &before) != 0) {
    return fail("cannot step through code: {}", std::strerror(errno));
  }
  locked = 0;
  set_trap_flag(true);
  code();
  set_trap_flag(false);
  sigaction(SIGTRAP, &before, nullptr);
  return locked;
}

}  // namespace gotthard::perf
