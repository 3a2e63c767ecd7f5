// Configuration files of tests: a whole one, changed in one place.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "control/config/config.h"

namespace gotthard::config {

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// Why it is refused, as /etc/g.toml; empty: it is not.
inline std::string refusal(const std::string& text) {
  const auto config = parse(text, "/etc/g.toml");
  return config ? "" : config.error().message;
}

}  // namespace gotthard::config
