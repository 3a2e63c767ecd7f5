// gotthard-perf: one verb a question. Exit status: 0 measured, 1 failed, 2 wrong call.
#include "perf/aead/command.h"

int main(int argc, char** argv) {
  CLI::App app("Measures parts of Gotthard on this machine");
  app.require_subcommand(1);
  CLI::App* aead = app.add_subcommand(
      "aead",
      "What sealing or opening a packet takes, against another backend in the same process");
  const std::function<int()> run_aead = gotthard::perf::add_aead(aead);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return run_aead();
}
