// gotthard: the supervisor (`up`) and the operator's commands.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "control/mgmt/commands.h"
#include "tools/cli/client.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/import.h"
#include "tools/cli/keys.h"
#include "tools/cli/lifecycle.h"
#include "tools/cli/report.h"
#include "tools/cli/tables.h"
#include "tools/supervisor/supervisor.h"

namespace gotthard::cli {
namespace {

struct Globals {
  std::string run_dir = supervisor::kDefaultRunDir;
  std::string state_dir = supervisor::kDefaultStateDir;
  bool json = false;
};

int run_command(const Globals& globals, std::string_view command,
                const mgmt::Arguments& arguments) {
  const mgmt::Answer answer = ask(globals.run_dir, command, arguments);
  if (!answer) {
    return report(answer.error(), globals.json);
  }
  const std::string text = globals.json ? answer->dump(2) + "\n" : render(command, *answer);
  std::fputs(text.c_str(), stdout);
  return kOk;
}

void add_argument(CLI::App* verb, const mgmt::Argument& argument, mgmt::Arguments* values) {
  const std::string name(argument.name);
  const std::string help(argument.help);
  const auto set = [values, name](const std::string& value) { (*values)[name] = value; };
  switch (argument.kind) {
    case mgmt::Takes::value:
      verb->add_option_function<std::string>(name, set, help)->required();
      break;
    case mgmt::Takes::option:
      verb->add_option_function<std::string>("--" + name, set, help);
      break;
    case mgmt::Takes::flag:
      verb->add_flag_callback(
          "--" + name, [set] { set("yes"); }, help);
      break;
  }
}

// A verb for each of mgmt::kCommands; "show peers" becomes `peers` below `show`.
void add_commands(CLI::App* app, Globals* globals, int* status) {
  std::map<std::string, CLI::App*> groups;
  for (const mgmt::Command& command : mgmt::kCommands) {
    CLI::App* parent = app;
    std::string verb(command.name);
    if (const auto space = verb.find(' '); space != std::string::npos) {
      const std::string group = verb.substr(0, space);
      verb = verb.substr(space + 1);
      if (!groups.contains(group)) {
        groups[group] = app->add_subcommand(group, "Show the state of the running gateway");
        groups[group]->require_subcommand(1)->fallthrough();
      }
      parent = groups[group];
    }
    CLI::App* sub = parent->add_subcommand(verb, std::string(command.help))->fallthrough();
    auto values = std::make_shared<mgmt::Arguments>();
    for (const mgmt::Argument& argument : command.takes()) {
      add_argument(sub, argument, values.get());
    }
    sub->callback([=, name = command.name] { *status = run_command(*globals, name, *values); });
  }
}

void add_up(CLI::App* app, const Globals& globals, int* status) {
  auto options = std::make_shared<supervisor::Options>();
  auto background = std::make_shared<bool>(false);
  CLI::App* up = app->add_subcommand("up", "Run a gateway (in the foreground)")->fallthrough();
  up->add_option("FILE", options->config_file, "Configuration (TOML)")->required();
  up->add_flag("--background", *background, "Return when it is ready; it runs on");
  up->add_option_function<std::string>(
        "--log-format",
        [options](const std::string& format) {
          options->log_format = format == "json" ? log::Format::json : log::Format::logfmt;
        },
        "Instead of [log] format")
      ->check(CLI::IsMember({"logfmt", "json"}));
  up->add_option_function<std::string>(
        "--log-level",
        [options](const std::string& level) { options->log_level = *log::parse_level(level); },
        "Instead of [log] level")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}));
  up->add_option("--executable-dir", options->executable_dir,
                 "Where gotthard-dataplane and gotthard-control are (beside this program)");
  up->callback([=, &globals] {
    options->run_dir = globals.run_dir;
    options->state_dir = globals.state_dir;
    options->foreground = !*background;
    const auto failure = supervisor::run(*options);
    *status = failure ? report(*failure, globals.json) : kOk;
  });
}

void add_keys(CLI::App* app, const Globals* globals, int* status) {
  const auto add = [=](const char* verb, const char* help, int (*function)(bool)) {
    app->add_subcommand(verb, help)->fallthrough()->callback([=] {
      *status = function(globals->json);
    });
  };
  add("genkey", "Print a new private key", generate_private_key);
  add("pubkey", "Private key on standard input, public key out", public_key_of_input);
  add("genpsk", "Print a new preshared key", generate_preshared_key);
}

int run(int argc, char** argv) {
  CLI::App app("Gotthard: an encrypted tunnel gateway at NIC speed");
  app.footer(kExitCodesHelp);
  app.require_subcommand(1);
  app.set_version_flag("--version", GOTTHARD_VERSION);
  Globals globals;
  int status = kOk;
  app.add_option("--run-dir", globals.run_dir, "Where the running gateway is found")
      ->capture_default_str();
  app.add_option("--state-dir", globals.state_dir, "What must outlive a restart")
      ->capture_default_str();
  app.add_flag("--json", globals.json, "JSON with stable names instead of tables");

  add_up(&app, globals, &status);

  double timeout = 30;
  auto* down_verb = app.add_subcommand("down", "End the running gateway")->fallthrough();
  const CLI::Range seconds(0.0, 86400.0);
  down_verb->add_option("--timeout", timeout, "Seconds")->check(seconds)->capture_default_str();
  down_verb->callback(
      [&] { status = take_down(globals.run_dir, globals.state_dir, timeout, globals.json); });

  auto* wait_verb = app.add_subcommand("wait", "Wait until the gateway is ready")->fallthrough();
  wait_verb->add_option("--timeout", timeout, "Seconds")->check(seconds)->capture_default_str();
  wait_verb->callback([&] { status = wait_until_ready(globals.run_dir, timeout, globals.json); });

  std::string file;
  auto* check_verb = app.add_subcommand("check", "Check a configuration")->fallthrough();
  check_verb->add_option("FILE", file, "Configuration (TOML)")->required();
  check_verb->callback([&] { status = check(file, globals.json); });

  std::string directory = ".";
  auto* import_verb =
      app.add_subcommand("import", "Make a configuration of a wg-quick file")->fallthrough();
  import_verb->add_option("FILE", file, "NAME.conf, as wg-quick has it")->required();
  import_verb->add_option("--to", directory, "Where to write NAME.toml and its key files")
      ->capture_default_str();
  import_verb->callback([&] { status = import_file(file, directory, globals.json); });

  add_commands(&app, &globals, &status);
  add_keys(&app, &globals, &status);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool wrong = error.get_exit_code() != 0;  // else: help, or the version
    if (wrong && std::find(argv, argv + argc, std::string_view("--json")) != argv + argc) {
      return report({"usage", error.what()}, true);
    }
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  return status;
}

}  // namespace
}  // namespace gotthard::cli

int main(int argc, char** argv) { return gotthard::cli::run(argc, argv); }
