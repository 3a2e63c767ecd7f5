#include "base/log.h"

#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/clock.h"
#include "base/log_output.h"

namespace gotthard::log {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Subsystem::count)> kSubsystems = {
    "supervisor", "config", "dataplane", "port", "control", "handshake", "route", "management"};
constexpr std::array<std::string_view, 5> kLevels = {"debug", "info", "warning", "error", "off"};

struct Rate {
  Nanoseconds window_start = 0;
  int written = 0;
  std::uint64_t suppressed = 0;
};

struct State {
  std::string program = "gotthard";
  Format format = Format::logfmt;
  std::array<std::atomic<Level>, static_cast<std::size_t>(Subsystem::count)> levels{};
  std::mutex mutex;
  std::map<std::string, Rate, std::less<>> rates;
  std::shared_ptr<Output> output = std::make_shared<Output>();
  spdlog::logger logger{"gotthard", output};
  std::mutex writing;
  std::uint64_t told_lost = 0;  // of output's

  State() {
    for (auto& level : levels) {
      level = Level::info;
    }
    logger.set_pattern("%v");
    logger.set_level(spdlog::level::trace);
  }
};

State& state() {
  static State instance;
  return instance;
}

std::string timestamp() {
  const Nanoseconds now = realtime_now();
  const auto seconds = static_cast<std::time_t>(now / kSecond);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     now % kSecond / kMillisecond);
}

// DEL, and C1 in UTF-8: JSON lets them be, but they steer terminals.
bool steers(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  return byte(at) == 0x7f || (byte(at) == 0xc2 && at + 1 < text.size() && byte(at + 1) < 0xa0);
}

// What logfmt needs quoted: anything that could end the value or break the line.
bool needs_quotes(std::string_view text) {
  if (text.empty()) {
    return true;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || steers(text, i)) {
      return true;
    }
  }
  return false;
}

std::string json_text(std::string_view text) {
  const std::string dumped =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string result;
  for (std::size_t i = 0; i < dumped.size(); ++i) {
    if (steers(dumped, i)) {
      i += dumped[i] == 0x7f ? 0 : 1;
      result += fmt::format("\\u{:04x}", static_cast<unsigned char>(dumped[i]));
    } else {
      result += dumped[i];
    }
  }
  return result;
}

void append(std::string* line, Format format, std::string_view key, std::string_view value,
            bool number) {
  if (format == Format::json) {
    *line += line->empty() ? "{" : ",";
    *line += fmt::format("{}:{}", json_text(key), number ? std::string(value) : json_text(value));
    return;
  }
  if (!line->empty()) {
    *line += ' ';
  }
  *line += fmt::format("{}={}", key, needs_quotes(value) ? json_text(value) : std::string(value));
}

// How many lines of this event were left out before this one; nothing when this one is too.
std::optional<std::uint64_t> admit(State* s, std::string_view event_name) {
  const Nanoseconds now = boottime_now();
  const std::scoped_lock lock(s->mutex);
  auto found = s->rates.find(event_name);
  if (found == s->rates.end()) {
    found = s->rates.emplace(std::string(event_name), Rate{}).first;
  }
  Rate& rate = found->second;
  if (now - rate.window_start >= kSecond) {
    rate.window_start = now;
    rate.written = 0;
  }
  if (rate.written >= kBurst) {
    ++rate.suppressed;
    return std::nullopt;
  }
  ++rate.written;
  return std::exchange(rate.suppressed, 0);
}

template <typename E, std::size_t N>
Result<E> parse(std::string_view text, const std::array<std::string_view, N>& names,
                std::string_view what) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == text) {
      return static_cast<E>(i);
    }
  }
  return fail("'{}' is no log {}: choose one of {}", text, what, fmt::join(names, ", "));
}

}  // namespace

void open(std::string_view program, Format format) {
  state().program = program;
  state().format = format;
  state().output->open();
  // The C library opens its time zone file at the first conversion: now, not behind a seccomp
  // filter.
  (void)timestamp();
}

void set_level(Subsystem subsystem, Level level) {
  state().levels[static_cast<std::size_t>(subsystem)] = level;
}

Level level(Subsystem subsystem) { return state().levels[static_cast<std::size_t>(subsystem)]; }

std::string_view name(Subsystem subsystem) {
  return kSubsystems[static_cast<std::size_t>(subsystem)];
}

std::string_view name(Level level) { return kLevels[static_cast<std::size_t>(level)]; }

Result<Subsystem> parse_subsystem(std::string_view text) {
  return parse<Subsystem>(text, kSubsystems, "subsystem");
}

Result<Level> parse_level(std::string_view text) { return parse<Level>(text, kLevels, "level"); }

void event(Level event_level, Subsystem subsystem, std::string_view event_name,
           std::initializer_list<Field> fields) {
  State& s = state();
  if (event_level < level(subsystem) || event_level == Level::off) {
    return;
  }
  const auto suppressed = admit(&s, event_name);
  if (!suppressed) {
    return;
  }
  std::string line;
  append(&line, s.format, "time", timestamp(), false);
  append(&line, s.format, "level", name(event_level), false);
  append(&line, s.format, "program", s.program, false);
  append(&line, s.format, "subsystem", name(subsystem), false);
  append(&line, s.format, "event", event_name, false);
  for (const Field& field : fields) {
    append(&line, s.format, field.key, field.value, field.number);
  }
  if (*suppressed > 0) {
    append(&line, s.format, "suppressed", fmt::to_string(*suppressed), true);
  }
  const std::scoped_lock lock(s.writing);
  const std::uint64_t lost = s.output->lost();
  if (lost > s.told_lost) {
    append(&line, s.format, "lost", fmt::to_string(lost - s.told_lost), true);
  }
  if (s.format == Format::json) {
    line += "}";
  }
  s.logger.log(spdlog::level::info, line);
  if (s.output->lost() == lost) {  // it was written
    s.told_lost = lost;
  }
}

int descriptor() { return state().output->descriptor(); }

std::uint64_t lines_lost() { return state().output->lost(); }

}  // namespace gotthard::log
