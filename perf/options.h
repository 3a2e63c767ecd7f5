// What verbs have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace gotthard::perf {

// Exit status `status`, and why.
inline int failed(int status, const std::string& why) {
  std::fprintf(stderr, "gotthard-perf: %s\n", why.c_str());
  return status;
}

// An option that takes one of some names, each of which means a value.
template <typename Value, typename Target>
CLI::Option* choice(CLI::App* app, const std::string& name, Target* target,
                    std::vector<std::pair<std::string, Value>> choices, const std::string& what) {
  std::vector<std::string> names;
  for (const auto& [text, unused] : choices) {
    names.push_back(text);
  }
  return app
      ->add_option_function<std::string>(
          name,
          [target, choices = std::move(choices)](const std::string& given) {
            for (const auto& [text, meaning] : choices) {
              if (text == given) {
                *target = meaning;
              }
            }
          },
          what)
      ->check(CLI::IsMember(names));
}

}  // namespace gotthard::perf
