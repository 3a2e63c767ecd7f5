#include "crypto/wide/chacha20_rounds.h"
#include "crypto/wide/poly1305_run_macros.h"

// rdi: initial, rsi: stream, rdx: run (System V). A word lies 32 bytes after the one before, a
// block 64, the second set 512 after the first.
//
// One set: words 0 to 15 are in ymm0 to ymm15. Rotations by 12 and 7 bits need a register that is
// free: word 0, which only additions change, is in memory meanwhile, at the stack's top.
//
// Two sets: what changes most is in registers for a quarter round only.
//
//              words 0 to 3     words 4 to 15                  two quarter rounds
//   set 0      ymm0 to ymm3     in memory, where the key       ymm8 to ymm15
//   set 1      ymm4 to ymm7     stream will be
asm(R"(
.section .rodata
.p2align 5
left_16:
  .rept 2
  .byte 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13
  .endr
left_8:
  .rept 2
  .byte 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14
  .endr
.text

# A quarter of four quarter rounds at once, two columns or diagonals after the other two. Rows a and
# b meet in word 0: a += b; d ^= a; d <<<= 16 or 8.
.macro turn_whole d, by
  vpshufb \by(%rip), %ymm\d, %ymm\d
.endm
.macro mix_a b0, b1, b2, b3, d0, d1, d2, d3, by
  vpaddd (%rsp), %ymm\b0, %ymm0
  vpaddd %ymm\b1, %ymm1, %ymm1
  vpxor %ymm0, %ymm\d0, %ymm\d0
  vpxor %ymm1, %ymm\d1, %ymm\d1
  turn_whole \d0, \by
  turn_whole \d1, \by
  vpaddd %ymm\b2, %ymm2, %ymm2
  vpaddd %ymm\b3, %ymm3, %ymm3
  vmovdqa %ymm0, (%rsp)
  vpxor %ymm2, %ymm\d2, %ymm\d2
  vpxor %ymm3, %ymm\d3, %ymm\d3
  turn_whole \d2, \by
  turn_whole \d3, \by
.endm
# c += d; b ^= c; b <<<= n, with ymm0 free.
.macro turn b, n
  vpslld $\n, %ymm\b, %ymm0
  vpsrld $32-\n, %ymm\b, %ymm\b
  vpor %ymm0, %ymm\b, %ymm\b
.endm
.macro mix_c c0, c1, c2, c3, d0, d1, d2, d3, b0, b1, b2, b3, n
  vpaddd %ymm\d0, %ymm\c0, %ymm\c0
  vpaddd %ymm\d1, %ymm\c1, %ymm\c1
  vpxor %ymm\c0, %ymm\b0, %ymm\b0
  vpxor %ymm\c1, %ymm\b1, %ymm\b1
  turn \b0, \n
  turn \b1, \n
  vpaddd %ymm\d2, %ymm\c2, %ymm\c2
  vpaddd %ymm\d3, %ymm\c3, %ymm\c3
  vpxor %ymm\c2, %ymm\b2, %ymm\b2
  vpxor %ymm\c3, %ymm\b3, %ymm\b3
  turn \b2, \n
  turn \b3, \n
.endm
# The columns take 1 to 4, the diagonals 5 to 8.
.macro rounds_1
  mix_a 4, 5, 6, 7, 12, 13, 14, 15, left_16
.endm
.macro rounds_2
  mix_c 8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 6, 7, 12
.endm
.macro rounds_3
  mix_a 4, 5, 6, 7, 12, 13, 14, 15, left_8
.endm
.macro rounds_4
  mix_c 8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 6, 7, 7
.endm
.macro rounds_5
  mix_a 5, 6, 7, 4, 15, 12, 13, 14, left_16
.endm
.macro rounds_6
  mix_c 10, 11, 8, 9, 15, 12, 13, 14, 5, 6, 7, 4, 12
.endm
.macro rounds_7
  mix_a 5, 6, 7, 4, 15, 12, 13, 14, left_8
.endm
.macro rounds_8
  mix_c 10, 11, 8, 9, 15, 12, 13, 14, 5, 6, 7, 4, 7
.endm

.macro load_set
  .irp w, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovdqa 32*\w(%rdi), %ymm\w
  .endr
  vmovdqa %ymm0, (%rsp)
.endm

# Eight rows of one word become half a block of each lane, at `to`: first four words each, two lanes
# in a vector, then eight.
.macro join_words a, b, c, d, t, u, v, w
  vpunpckldq %ymm\b, %ymm\a, %ymm\t
  vpunpckhdq %ymm\b, %ymm\a, %ymm\u
  vpunpckldq %ymm\d, %ymm\c, %ymm\v
  vpunpckhdq %ymm\d, %ymm\c, %ymm\w
  vpunpcklqdq %ymm\v, %ymm\t, %ymm\a
  vpunpckhqdq %ymm\v, %ymm\t, %ymm\b
  vpunpcklqdq %ymm\w, %ymm\u, %ymm\c
  vpunpckhqdq %ymm\w, %ymm\u, %ymm\d
.endm
.macro join_quarters lane, a, b, t, u, to
  vperm2i128 $0x20, %ymm\b, %ymm\a, %ymm\t
  vperm2i128 $0x31, %ymm\b, %ymm\a, %ymm\u
  vmovdqa %ymm\t, 64*\lane+\to(%rsi)
  vmovdqa %ymm\u, 64*\lane+256+\to(%rsi)
.endm
.macro transpose_half to
  join_words 0, 1, 2, 3, 8, 9, 10, 11
  join_words 4, 5, 6, 7, 12, 13, 14, 15
  join_quarters 0, 0, 4, 8, 9, \to
  join_quarters 1, 1, 5, 10, 11, \to
  join_quarters 2, 2, 6, 12, 13, \to
  join_quarters 3, 3, 7, 14, 15, \to
.endm
# Words 8 to 15 wait where their halves of the blocks will be.
.macro finish_set
  .irp w, 8, 9, 10, 11, 12, 13, 14, 15
    vpaddd 32*\w(%rdi), %ymm\w, %ymm\w
    vmovdqa %ymm\w, 64*(\w-8)+32(%rsi)
  .endr
  .irp w, 0, 1, 2, 3, 4, 5, 6, 7
    vpaddd 32*\w(%rdi), %ymm\w, %ymm\w
  .endr
  transpose_half 0
  .irp w, 0, 1, 2, 3, 4, 5, 6, 7
    vmovdqa 64*\w+32(%rsi), %ymm\w
  .endr
  transpose_half 32
.endm
# 64 bytes at the stack's top, of which nothing stays; the stack pointer that was is behind them.
.macro begin_frame
  mov %rsp, %rax
  sub $128, %rsp
  and $-64, %rsp
  mov %rax, 64(%rsp)
.endm
.macro end_frame
  vpxor %xmm0, %xmm0, %xmm0
  vmovdqa %ymm0, (%rsp)
  mov 64(%rsp), %rsp
  vzeroupper
.endm

function gotthard_chacha20_8
  begin_frame
  load_set
  mov $10, %eax
  .p2align 6
1:
  rounds_1
  rounds_2
  rounds_3
  rounds_4
  rounds_5
  rounds_6
  rounds_7
  rounds_8
  dec %eax
  jnz 1b
  vmovdqa (%rsp), %ymm0
  finish_set
  end_frame
  ret

# Two sets: r15 is where their words are. Two quarter rounds of words a, b, c, d and e, f, g, h of the
# set at `at`; of a and e, the registers.
.macro turn_two b, t, c, u, n
  vpslld $\n, %ymm\b, %ymm\t
  vpslld $\n, %ymm\c, %ymm\u
  vpsrld $32-\n, %ymm\b, %ymm\b
  vpsrld $32-\n, %ymm\c, %ymm\c
  vpor %ymm\t, %ymm\b, %ymm\b
  vpor %ymm\u, %ymm\c, %ymm\c
.endm
.macro quarters at, a, b, c, d, e, f, g, h
  vmovdqa \at+32*\b(%r15), %ymm8
  vmovdqa \at+32*\f(%r15), %ymm12
  vpaddd %ymm8, %ymm\a, %ymm\a
  vpaddd %ymm12, %ymm\e, %ymm\e
  vpxor \at+32*\d(%r15), %ymm\a, %ymm10
  vpxor \at+32*\h(%r15), %ymm\e, %ymm14
  turn_whole 10, left_16
  turn_whole 14, left_16
  vpaddd \at+32*\c(%r15), %ymm10, %ymm9
  vpaddd \at+32*\g(%r15), %ymm14, %ymm13
  vpxor %ymm9, %ymm8, %ymm8
  vpxor %ymm13, %ymm12, %ymm12
  turn_two 8, 11, 12, 15, 12
  vpaddd %ymm8, %ymm\a, %ymm\a
  vpaddd %ymm12, %ymm\e, %ymm\e
  vpxor %ymm\a, %ymm10, %ymm10
  vpxor %ymm\e, %ymm14, %ymm14
  turn_whole 10, left_8
  turn_whole 14, left_8
  vmovdqa %ymm10, \at+32*\d(%r15)
  vmovdqa %ymm14, \at+32*\h(%r15)
  vpaddd %ymm10, %ymm9, %ymm9
  vpaddd %ymm14, %ymm13, %ymm13
  vmovdqa %ymm9, \at+32*\c(%r15)
  vmovdqa %ymm13, \at+32*\g(%r15)
  vpxor %ymm9, %ymm8, %ymm8
  vpxor %ymm13, %ymm12, %ymm12
  turn_two 8, 11, 12, 15, 7
  vmovdqa %ymm8, \at+32*\b(%r15)
  vmovdqa %ymm12, \at+32*\f(%r15)
.endm
.macro both_1
  quarters 0, 0, 4, 8, 12, 1, 5, 9, 13
  quarters 0, 2, 6, 10, 14, 3, 7, 11, 15
.endm
.macro both_2
  quarters 512, 4, 4, 8, 12, 5, 5, 9, 13
  quarters 512, 6, 6, 10, 14, 7, 7, 11, 15
.endm
.macro both_3
  quarters 0, 0, 5, 10, 15, 1, 6, 11, 12
  quarters 0, 2, 7, 8, 13, 3, 4, 9, 14
.endm
.macro both_4
  quarters 512, 4, 5, 10, 15, 5, 6, 11, 12
  quarters 512, 6, 7, 8, 13, 7, 4, 9, 14
.endm
.macro load_both
  .irp w, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovdqa 32*\w(%rdi), %ymm0
    vmovdqa 512+32*\w(%rdi), %ymm1
    vmovdqa %ymm0, 32*\w(%r15)
    vmovdqa %ymm1, 512+32*\w(%r15)
  .endr
  .irp w, 0, 1, 2, 3
    vmovdqa 32*\w(%rdi), %ymm\w
  .endr
  vmovdqa %ymm0, %ymm4
  vmovdqa %ymm1, %ymm5
  vmovdqa %ymm2, %ymm6
  vmovdqa %ymm3, %ymm7
.endm
.macro finish_both
  vmovdqa %ymm4, 512(%rsi)
  vmovdqa %ymm5, 512+32(%rsi)
  vmovdqa %ymm6, 512+64(%rsi)
  vmovdqa %ymm7, 512+96(%rsi)
  .irp w, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovdqa 32*\w(%rsi), %ymm\w
  .endr
  finish_set
  add $512, %rdi
  add $512, %rsi
  .irp w, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovdqa 32*\w(%rsi), %ymm\w
  .endr
  finish_set
.endm

function gotthard_chacha20_2x8
  push %r15
  mov %rsi, %r15
  load_both
  mov $10, %eax
  .p2align 6
1:
  both_1
  both_2
  both_3
  both_4
  dec %eax
  jnz 1b
  finish_both
  pop %r15
  vzeroupper
  ret

# r15 is taken: a chunk's address comes before each of its blocks.
.macro blocks_beside i
  mov (%rdi), %r14
  absorb text_0, %r8, %r9, %r10, %r14, \i
  mov 8(%rdi), %r14
  absorb text_1, %r11, %r12, %r13, %r14, \i
.endm
# Poly1305 beside as many double rounds as the run has steps; the others come after these.
function gotthard_chacha20_2x8_poly1305
  save_registers
  mov %rsi, %r15
  load_both
  push %rdi
  lea 64(%rdx), %rsi
  lea 128(%rdx), %rdi
  begin_run
  mov steps(%rdx), %rax
  mov $10, %ecx
  sub %rax, %rcx
  push %rcx
  push %rax
  .p2align 6
1:
  both_1
  blocks_beside 0
  both_2
  blocks_beside 1
  both_3
  blocks_beside 2
  both_4
  blocks_beside 3
  end_step
  decq (%rsp)
  jnz 1b
  pop %rax
  pop %rax
  pop %rdi
  mov %r15, %rsi
  test %eax, %eax
  jz 3f
2:
  both_1
  both_2
  both_3
  both_4
  dec %eax
  jnz 2b
3:
  finish_both
  restore_registers
  vzeroupper
  ret
)");
