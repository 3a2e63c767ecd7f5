// What is compiled for CPUs that have more than this machine must have: nothing of it may get into
// code that runs anywhere. So it is always inlined, or has no name outside of its file.
#pragma once

#define GOTTHARD_INLINE inline __attribute__((always_inline))
