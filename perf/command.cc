#include "perf/command.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <utility>
#include <vector>

#include "perf/aead/command.h"
#include "perf/latency/command.h"
#include "perf/line_rate/command.h"
#include "perf/memory/command.h"
#include "perf/pipeline/command.h"
#include "perf/report/command.h"
#include "perf/scale/command.h"

namespace gotthard::perf {

int run(int argc, const char* const* argv) {
  CLI::App app("Measures parts of Gotthard on this machine", "gotthard-perf");
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, std::function<int()>>> verbs;
  const auto add = [&](const char* name, const char* what, auto declare) {
    CLI::App* verb = app.add_subcommand(name, what);
    verbs.emplace_back(verb, declare(verb));
  };
  add("aead", "What sealing or opening a packet takes, against another backend in the same process",
      add_aead);
  add("pipeline",
      "What a packet takes on a worker's whole path, and how much of it is not the AEAD",
      pipeline::add_pipeline);
  add("latency", "How long packets are in a worker, at loads of some percent of its maximum",
      latency::add_latency);
  add("line-rate", "What devices between two ports carry, by RFC 2544's and RFC 9411's rules",
      line_rate::add_line_rate);
  add("scale", "What many tunnels, workers, routes, sessions and handshakes cost",
      scale::add_scale);
  add("memory", "What the memory alone allows: packets whose lines are touched once",
      memory::add_memory);
  add("report", "A grid of these as one page with plots, as Markdown and as JSON",
      report::add_report);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  for (const auto& [verb, start] : verbs) {
    if (verb->parsed()) {
      return start();
    }
  }
  return 2;
}

}  // namespace gotthard::perf
