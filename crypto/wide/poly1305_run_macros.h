// What a run is for the assembler (poly1305_run.h): macros for files that weave it into the rounds
// of ChaCha20 of one width or another. An asm statement that comes after this one has them.
#pragma once

#include "crypto/wide/poly1305_run.h"

asm(R"(
# Poly1305. rsi points to the second of the run's texts, after the first; rdi to a step. Each text
# has three registers for its sum and one for where its chunk is; rax, rbx, rcx, rdx and rbp are free.
.set text_0, -64
.set text_1, 0
.set r0, 0
.set r1, 8
.set r1_wrapped, 16
.set sum, 24
.set steps, 768
.macro begin_text text, h0, h1, h2
  mov \text+sum(%rsi), \h0
  mov \text+sum+8(%rsi), \h1
  mov \text+sum+16(%rsi), \h2
.endm
.macro end_text text, h0, h1, h2
  mov \h0, \text+sum(%rsi)
  mov \h1, \text+sum+8(%rsi)
  mov \h2, \text+sum+16(%rsi)
.endm
# h = (h + block) r. The products' columns: h0 r0 + h1 r1 5/4; h0 r1 + h1 r0 + h2 r1 5/4; h2 r0.
# Then what is above 2^130 goes to the bottom five times. The order of instructions is the one that
# was measured to take the least time; changes of a few may cost a tenth.
.macro absorb text, h0, h1, h2, chunk, i
  add 16*\i(\chunk), \h0
  adc 16*\i+8(\chunk), \h1
  adc $1, \h2
  mov \h1, %rdx
  mulx \text+r1_wrapped(%rsi), %rbp, %rax
  mulx \text+r0(%rsi), %rbx, %rcx
  mov \h0, %rdx
  mulx \text+r0(%rsi), \h0, \h1
  add %rbp, \h0
  adc %rax, \h1
  mulx \text+r1(%rsi), %rbp, %rax
  add %rbp, %rbx
  adc %rax, %rcx
  mov \text+r1_wrapped(%rsi), %rbp
  imul \h2, %rbp
  imul \text+r0(%rsi), \h2
  add %rbp, %rbx
  adc $0, %rcx
  add %rbx, \h1
  adc %rcx, \h2
  mov \h2, %rbp
  mov \h2, %rax
  and $-4, %rbp
  shr $2, %rax
  and $3, \h2
  add %rbp, %rax
  add %rax, \h0
  adc $0, \h1
  adc $0, \h2
.endm
.macro begin_run
  begin_text text_0, %r8, %r9, %r10
  begin_text text_1, %r11, %r12, %r13
.endm
.macro begin_step
  mov (%rdi), %r14
  mov 8(%rdi), %r15
.endm
.macro blocks i
  absorb text_0, %r8, %r9, %r10, %r14, \i
  absorb text_1, %r11, %r12, %r13, %r15, \i
.endm
.macro end_step
  mov %r8, 16(%rdi)
  mov %r9, 24(%rdi)
  mov %r10, 32(%rdi)
  mov %r11, 40(%rdi)
  mov %r12, 48(%rdi)
  mov %r13, 56(%rdi)
  add $64, %rdi
.endm
.macro save_registers
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
.endm
.macro restore_registers
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
.endm

.macro function name
  .globl \name
  .type \name, @function
  .p2align 6
  \name:
.endm
)");
