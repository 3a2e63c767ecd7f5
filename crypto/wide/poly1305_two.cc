#include "crypto/wide/poly1305_run_macros.h"

// rdi: texts, rsi and rdx: where the blocks of each are, rcx: how many (System V).
asm(R"(
.text
function gotthard_poly1305_two
  save_registers
  push %rcx
  mov %rsi, %r14
  mov %rdx, %r15
  lea 64(%rdi), %rsi
  begin_run
  .p2align 6
1:
  blocks 0
  add $16, %r14
  add $16, %r15
  decq (%rsp)
  jnz 1b
  end_text text_0, %r8, %r9, %r10
  end_text text_1, %r11, %r12, %r13
  pop %rcx
  restore_registers
  ret
)");
