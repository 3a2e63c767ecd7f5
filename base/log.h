// Log lines for operators: logfmt or JSON on standard error, one event a line, with a stable event
// name. Never called by workers, never given a secret. Any thread may log, and none waits for who
// reads the lines: those that cannot be written at once are lost, and the next one that can says
// how many (`lost=N`).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gotthard::log {

enum class Level : std::uint8_t { debug, info, warning, error, off };
enum class Format : std::uint8_t { logfmt, json };
// Levels are set per subsystem, while running too.
enum class Subsystem : std::uint8_t {
  supervisor,
  config,
  dataplane,
  port,
  control,
  handshake,
  route,
  management,
  count
};

// A value is text or a number; numbers are written without quotes in JSON.
struct Field {
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, bool v) : key(k), value(v ? "true" : "false"), number(true) {}
  template <typename N>
  requires std::is_arithmetic_v<N> Field(std::string_view k, N v)
      : key(k), value(fmt::to_string(v)), number(true) {}
  std::string_view key;
  std::string value;
  bool number = false;
};

// Once, at the start of a process; `program` appears in each line.
void open(std::string_view program, Format format);
void set_level(Subsystem subsystem, Level level);
[[nodiscard]] Level level(Subsystem subsystem);
// Before what costs time to put into words.
[[nodiscard]] inline bool enabled(Level at, Subsystem subsystem) { return at >= level(subsystem); }
[[nodiscard]] std::string_view name(Subsystem subsystem);
[[nodiscard]] std::string_view name(Level level);
Result<Subsystem> parse_subsystem(std::string_view text);
Result<Level> parse_level(std::string_view text);

// At most kBurst lines of one event name per second; what was left out is counted and said in the
// next line of that event (`suppressed=N`).
inline constexpr int kBurst = 20;
void event(Level level, Subsystem subsystem, std::string_view event_name,
           std::initializer_list<Field> fields = {});

// Of this process, since its start.
[[nodiscard]] std::uint64_t lines_lost();
// A description of standard error that does not wait either, for children.
[[nodiscard]] int descriptor();

}  // namespace gotthard::log
