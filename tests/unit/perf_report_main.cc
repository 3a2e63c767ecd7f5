// A report starts its own program again for each measurement: called with a verb, this one is
// gotthard-perf.
#include <gtest/gtest.h>

#include "perf/command.h"

int main(int argc, char** argv) {
  if (argc > 1 && argv[1][0] != '-') {
    return gotthard::perf::run(argc, argv);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
