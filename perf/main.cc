#include "perf/command.h"

int main(int argc, char** argv) { return gotthard::perf::run(argc, argv); }
