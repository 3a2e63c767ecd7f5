#include "crypto/wide/chacha20_rounds.h"

// clang-format takes instructions for statements.
// clang-format off
// For four columns or diagonals at a time: a += b; d ^= a; d <<<= n.
#define ADD(a, b) "vpaddd %zmm" #b ", %zmm" #a ", %zmm" #a "\n"
#define XOR(d, a) "vpxord %zmm" #a ", %zmm" #d ", %zmm" #d "\n"
#define ROTATE(d, n) "vprold $" #n ", %zmm" #d ", %zmm" #d "\n"
#define MIX(a0, a1, a2, a3, b0, b1, b2, b3, d0, d1, d2, d3, n)                            \
  ADD(a0, b0)                                                                             \
  ADD(a1, b1)                                                                             \
  ADD(a2, b2)                                                                             \
  ADD(a3, b3) XOR(d0, a0) XOR(d1, a1) XOR(d2, a2) XOR(d3, a3) ROTATE(d0, n) ROTATE(d1, n) \
      ROTATE(d2, n) ROTATE(d3, n)

// Words 0 to 15 of the first set are in zmm0 to zmm15, those of the second in zmm16 to zmm31. The
// quarter rounds of RFC 8439, 2.1, over the four columns (1, 2, 3, 4) and diagonals (5, 6, 7, 8).
#define FIRST_1 MIX(0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16)
#define FIRST_2 MIX(8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 6, 7, 12)
#define FIRST_3 MIX(0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 8)
#define FIRST_4 MIX(8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 6, 7, 7)
#define FIRST_5 MIX(0, 1, 2, 3, 5, 6, 7, 4, 15, 12, 13, 14, 16)
#define FIRST_6 MIX(10, 11, 8, 9, 15, 12, 13, 14, 5, 6, 7, 4, 12)
#define FIRST_7 MIX(0, 1, 2, 3, 5, 6, 7, 4, 15, 12, 13, 14, 8)
#define FIRST_8 MIX(10, 11, 8, 9, 15, 12, 13, 14, 5, 6, 7, 4, 7)
#define SECOND_1 MIX(16, 17, 18, 19, 20, 21, 22, 23, 28, 29, 30, 31, 16)
#define SECOND_2 MIX(24, 25, 26, 27, 28, 29, 30, 31, 20, 21, 22, 23, 12)
#define SECOND_3 MIX(16, 17, 18, 19, 20, 21, 22, 23, 28, 29, 30, 31, 8)
#define SECOND_4 MIX(24, 25, 26, 27, 28, 29, 30, 31, 20, 21, 22, 23, 7)
#define SECOND_5 MIX(16, 17, 18, 19, 21, 22, 23, 20, 31, 28, 29, 30, 16)
#define SECOND_6 MIX(26, 27, 24, 25, 31, 28, 29, 30, 21, 22, 23, 20, 12)
#define SECOND_7 MIX(16, 17, 18, 19, 21, 22, 23, 20, 31, 28, 29, 30, 8)
#define SECOND_8 MIX(26, 27, 24, 25, 31, 28, 29, 30, 21, 22, 23, 20, 7)

// rdi: initial, rsi: stream (System V); the vector registers are free to use. A word lies 64 bytes
// after the one before, the second set after the first.
#define LOAD(r) "vmovdqa64 64*" #r "(%rdi), %zmm" #r "\n"
#define FINISH(r)                               \
  "vpaddd 64*" #r "(%rdi), %zmm" #r ", %zmm" #r \
  "\n"                                          \
  "vmovdqa64 %zmm" #r ", 64*" #r "(%rsi)\n"
#define EACH_OF_FIRST(do)                                                                          \
  do                                                                                               \
  (0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12) do(13) do(14) do( \
      15)
#define EACH_OF_SECOND(do)                                                                     \
  do                                                                                           \
  (16) do(17) do(18) do(19) do(20) do(21) do(22) do(23) do(24) do(25) do(26) do(27) do(28) do( \
      29) do(30) do(31)
#define FUNCTION(name) ".text\n.globl " name "\n.type " name ", @function\n.p2align 6\n" name ":\n"
#define TEN_TIMES(body) "mov $10, %eax\n.p2align 6\n1:\n" body "dec %eax\njnz 1b\n"
// clang-format on

asm(FUNCTION("gotthard_chacha20_rounds_2x16")  //
    EACH_OF_FIRST(LOAD) EACH_OF_SECOND(LOAD)   //
    TEN_TIMES(FIRST_1 SECOND_1 FIRST_2 SECOND_2 FIRST_3 SECOND_3 FIRST_4 SECOND_4 FIRST_5 SECOND_5
                  FIRST_6 SECOND_6 FIRST_7 SECOND_7 FIRST_8 SECOND_8)  //
    EACH_OF_FIRST(FINISH) EACH_OF_SECOND(FINISH) "ret\n");

asm(FUNCTION("gotthard_chacha20_rounds_16")  //
    EACH_OF_FIRST(LOAD)                      //
    TEN_TIMES(FIRST_1 FIRST_2 FIRST_3 FIRST_4 FIRST_5 FIRST_6 FIRST_7 FIRST_8)
        EACH_OF_FIRST(FINISH) "ret\n");
