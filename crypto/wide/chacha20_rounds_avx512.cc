#include "crypto/wide/chacha20_rounds.h"
#include "crypto/wide/poly1305_run_macros.h"

// Words 0 to 15 of the first set are in zmm0 to zmm15, those of the second in zmm16 to zmm31. rdi:
// initial, rsi: stream, rdx: run (System V). A word lies 64 bytes after the one before, a block
// too, the second set after the first.
asm(R"(
.text

# A quarter of four quarter rounds at once, two columns or diagonals after the other two:
# a += b; d ^= a; d <<<= n.
.macro mix_two a0, a1, b0, b1, d0, d1, n
  vpaddd %zmm\b0, %zmm\a0, %zmm\a0
  vpaddd %zmm\b1, %zmm\a1, %zmm\a1
  vpxord %zmm\a0, %zmm\d0, %zmm\d0
  vpxord %zmm\a1, %zmm\d1, %zmm\d1
  vprold $\n, %zmm\d0, %zmm\d0
  vprold $\n, %zmm\d1, %zmm\d1
.endm
.macro mix a0, a1, a2, a3, b0, b1, b2, b3, d0, d1, d2, d3, n
  mix_two \a0, \a1, \b0, \b1, \d0, \d1, \n
  mix_two \a2, \a3, \b2, \b3, \d2, \d3, \n
.endm
# The columns take 1 to 4, the diagonals 5 to 8.
.macro first_1
  mix 0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16
.endm
.macro first_2
  mix 8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 6, 7, 12
.endm
.macro first_3
  mix 0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 8
.endm
.macro first_4
  mix 8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 6, 7, 7
.endm
.macro first_5
  mix 0, 1, 2, 3, 5, 6, 7, 4, 15, 12, 13, 14, 16
.endm
.macro first_6
  mix 10, 11, 8, 9, 15, 12, 13, 14, 5, 6, 7, 4, 12
.endm
.macro first_7
  mix 0, 1, 2, 3, 5, 6, 7, 4, 15, 12, 13, 14, 8
.endm
.macro first_8
  mix 10, 11, 8, 9, 15, 12, 13, 14, 5, 6, 7, 4, 7
.endm
.macro second_1
  mix 16, 17, 18, 19, 20, 21, 22, 23, 28, 29, 30, 31, 16
.endm
.macro second_2
  mix 24, 25, 26, 27, 28, 29, 30, 31, 20, 21, 22, 23, 12
.endm
.macro second_3
  mix 16, 17, 18, 19, 20, 21, 22, 23, 28, 29, 30, 31, 8
.endm
.macro second_4
  mix 24, 25, 26, 27, 28, 29, 30, 31, 20, 21, 22, 23, 7
.endm
.macro second_5
  mix 16, 17, 18, 19, 21, 22, 23, 20, 31, 28, 29, 30, 16
.endm
.macro second_6
  mix 26, 27, 24, 25, 31, 28, 29, 30, 21, 22, 23, 20, 12
.endm
.macro second_7
  mix 16, 17, 18, 19, 21, 22, 23, 20, 31, 28, 29, 30, 8
.endm
.macro second_8
  mix 26, 27, 24, 25, 31, 28, 29, 30, 21, 22, 23, 20, 7
.endm

.macro load_first
  .irp w, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovdqa64 64*\w(%rdi), %zmm\w
  .endr
.endm
.macro load_second
  .irp w, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vmovdqa64 64*\w(%rdi), %zmm\w
  .endr
.endm
.macro add_initial_first
  .irp w, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vpaddd 64*\w(%rdi), %zmm\w, %zmm\w
  .endr
.endm
# The second set waits as words where its blocks will be, and comes back as the first set was.
.macro put_second_aside
  .irp w, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vpaddd 64*\w(%rdi), %zmm\w, %zmm\w
    vmovdqa64 %zmm\w, 64*\w(%rsi)
  .endr
.endm
.macro take_second_back
  add $1024, %rsi
  .irp w, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovdqa64 64*\w(%rsi), %zmm\w
  .endr
.endm

# Rows of one word become blocks. First four words each: 128 bits q of zmm (4g + j) are then the
# words 4g ... 4g + 3 of block 4q + j.
.macro join_words a, b, c, d, t, u, v, w
  vpunpckldq %zmm\b, %zmm\a, %zmm\t
  vpunpckhdq %zmm\b, %zmm\a, %zmm\u
  vpunpckldq %zmm\d, %zmm\c, %zmm\v
  vpunpckhdq %zmm\d, %zmm\c, %zmm\w
  vpunpcklqdq %zmm\v, %zmm\t, %zmm\a
  vpunpckhqdq %zmm\v, %zmm\t, %zmm\b
  vpunpcklqdq %zmm\w, %zmm\u, %zmm\c
  vpunpckhqdq %zmm\w, %zmm\u, %zmm\d
.endm
# Then the four quarters of the blocks j, 4 + j, 8 + j and 12 + j, which are stored.
.macro join_quarters j, a, b, c, d, t, u, v, w
  vshufi32x4 $0x88, %zmm\b, %zmm\a, %zmm\t
  vshufi32x4 $0xdd, %zmm\b, %zmm\a, %zmm\u
  vshufi32x4 $0x88, %zmm\d, %zmm\c, %zmm\v
  vshufi32x4 $0xdd, %zmm\d, %zmm\c, %zmm\w
  vshufi32x4 $0x88, %zmm\v, %zmm\t, %zmm\a
  vshufi32x4 $0x88, %zmm\w, %zmm\u, %zmm\b
  vshufi32x4 $0xdd, %zmm\v, %zmm\t, %zmm\c
  vshufi32x4 $0xdd, %zmm\w, %zmm\u, %zmm\d
  vmovdqa64 %zmm\a, 64*\j(%rsi)
  vmovdqa64 %zmm\b, 64*\j+256(%rsi)
  vmovdqa64 %zmm\c, 64*\j+512(%rsi)
  vmovdqa64 %zmm\d, 64*\j+768(%rsi)
.endm
.macro transpose
  join_words 0, 1, 2, 3, 16, 17, 18, 19
  join_words 4, 5, 6, 7, 20, 21, 22, 23
  join_words 8, 9, 10, 11, 24, 25, 26, 27
  join_words 12, 13, 14, 15, 28, 29, 30, 31
  join_quarters 0, 0, 4, 8, 12, 16, 20, 24, 28
  join_quarters 1, 1, 5, 9, 13, 17, 21, 25, 29
  join_quarters 2, 2, 6, 10, 14, 18, 22, 26, 30
  join_quarters 3, 3, 7, 11, 15, 19, 23, 27, 31
.endm

function gotthard_chacha20_2x16
  load_first
  load_second
  mov $10, %eax
  .p2align 6
1:
  first_1
  second_1
  first_2
  second_2
  first_3
  second_3
  first_4
  second_4
  first_5
  second_5
  first_6
  second_6
  first_7
  second_7
  first_8
  second_8
  dec %eax
  jnz 1b
  add_initial_first
  put_second_aside
  transpose
  take_second_back
  transpose
  ret

function gotthard_chacha20_16
  load_first
  mov $10, %eax
  .p2align 6
1:
  first_1
  first_2
  first_3
  first_4
  first_5
  first_6
  first_7
  first_8
  dec %eax
  jnz 1b
  add_initial_first
  transpose
  ret

function gotthard_chacha20_2x16_poly1305
  save_registers
  load_first
  load_second
  push %rdi
  push %rsi
  lea 64(%rdx), %rsi
  lea 128(%rdx), %rdi
  begin_run
  push $10
  .p2align 6
1:
  first_1
  second_1
  begin_step
  first_2
  second_2
  first_3
  blocks 0
  second_3
  first_4
  second_4
  first_5
  blocks 1
  second_5
  first_6
  second_6
  blocks 2
  first_7
  second_7
  first_8
  second_8
  blocks 3
  end_step
  decq (%rsp)
  jnz 1b
  add $8, %rsp
  pop %rsi
  pop %rdi
  restore_registers
  add_initial_first
  put_second_aside
  transpose
  take_second_back
  transpose
  ret
)");
