#include "control/config/reader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "base/duration.h"

namespace gotthard::config {
namespace {

// Levenshtein's distance, for suggestions.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, substituted});
    }
  }
  return row.back();
}

std::string suggestion(const std::string& key, const std::set<std::string>& known) {
  const auto nearest = std::min_element(
      known.begin(), known.end(),
      [&](const auto& a, const auto& b) { return distance(key, a) < distance(key, b); });
  if (nearest != known.end() &&
      distance(key, *nearest) <= std::max<std::size_t>(2, key.size() / 3)) {
    return fmt::format("did you mean '{}'?", *nearest);
  }
  return fmt::format("known keys are {}", fmt::join(known, ", "));
}

std::optional<std::int64_t> whole_number(const toml::node& node, std::int64_t least,
                                         std::int64_t most) {
  const auto* value = node.as_integer();
  return value != nullptr && value->get() >= least && value->get() <= most
             ? std::optional(value->get())
             : std::nullopt;
}

// Whole ones too; none that is not a number.
std::optional<double> real_number(const toml::node& node, double least, double most) {
  const auto value = node.is_number() ? node.value<double>() : std::nullopt;
  return value && *value >= least && *value <= most ? value : std::nullopt;
}

}  // namespace

void ReadContext::report(std::size_t line, const std::string& message) {
  if (!error) {
    error = Error{line == 0 ? fmt::format("{}: {}", path, message)
                            : fmt::format("{}:{}: {}", path, line, message)};
  }
}

const toml::node* TableReader::find(const std::string& key) {
  known_.insert(key);
  return table_->get(key);
}

void TableReader::wrong_type(const std::string& key, const toml::node& node,
                             std::string_view wanted) {
  report(node.source().begin.line, fmt::format("'{}' in {} must be {}", key, what_, wanted));
}

std::size_t TableReader::line_of(const std::string& key) const {
  const toml::node* node = table_->get(key);
  return node == nullptr ? line() : node->source().begin.line;
}

std::optional<Located<std::string>> TableReader::text(const std::string& key) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const auto* value = node->as_string();
  if (value == nullptr) {
    wrong_type(key, *node, fmt::format("text: write {} = \"...\"", key));
    return std::nullopt;
  }
  return Located<std::string>{value->get(), node->source().begin.line};
}

std::optional<Located<std::string>> TableReader::required_text(const std::string& key) {
  auto value = text(key);
  if (table_->get(key) == nullptr) {
    missing_.push_back(key);
  }
  return value;
}

std::optional<Located<std::int64_t>> TableReader::number(const std::string& key, std::int64_t least,
                                                         std::int64_t most) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const auto value = whole_number(*node, least, most);
  if (!value) {
    wrong_type(key, *node, fmt::format("a whole number from {} to {}", least, most));
    return std::nullopt;
  }
  return Located<std::int64_t>{*value, node->source().begin.line};
}

std::optional<bool> TableReader::flag(const std::string& key) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const auto* value = node->as_boolean();
  if (value == nullptr) {
    wrong_type(key, *node, "true or false");
    return std::nullopt;
  }
  return value->get();
}

// `whole` and `each` say what is wanted instead of no list, and of one of its elements.
template <typename T, typename Read>
std::vector<Located<T>> TableReader::list(const std::string& key, const std::string& whole,
                                          const std::string& each, const Read& read) {
  std::vector<Located<T>> result;
  const toml::node* node = find(key);
  if (node == nullptr) {
    return result;
  }
  const auto* array = node->as_array();
  if (array == nullptr) {
    wrong_type(key, *node, whole);
    return result;
  }
  for (const toml::node& element : *array) {
    std::optional<T> value = read(element);
    if (!value) {
      wrong_type(key, element, each);
      return {};
    }
    result.push_back({std::move(*value), element.source().begin.line});
  }
  return result;
}

std::vector<Located<std::string>> TableReader::texts(const std::string& key) {
  return list<std::string>(key, fmt::format("a list of texts: write {} = [\"...\", \"...\"]", key),
                           "a list of texts: each in quotes", [](const toml::node& element) {
                             return element.value_exact<std::string>();
                           });
}

std::vector<Located<std::int64_t>> TableReader::numbers(const std::string& key, std::int64_t least,
                                                        std::int64_t most) {
  return list<std::int64_t>(
      key, fmt::format("a list of numbers: write {} = [2, 3]", key),
      fmt::format("a list of whole numbers from {} to {}", least, most),
      [&](const toml::node& element) { return whole_number(element, least, most); });
}

std::optional<Located<double>> TableReader::real(const std::string& key, double least,
                                                 double most) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const auto value = real_number(*node, least, most);
  if (!value) {
    wrong_type(key, *node, fmt::format("a number from {} to {}", least, most));
    return std::nullopt;
  }
  return Located<double>{*value, node->source().begin.line};
}

std::vector<Located<double>> TableReader::reals(const std::string& key, double least, double most) {
  return list<double>(key, fmt::format("a list of numbers: write {} = [0, 0.005]", key),
                      fmt::format("a list of numbers from {} to {}", least, most),
                      [&](const toml::node& element) { return real_number(element, least, most); });
}

std::vector<Located<std::string>> TableReader::words(const std::string& key) {
  return list<std::string>(key, fmt::format("a list: write {} = [...]", key),
                           "a list of whole numbers and texts", [](const toml::node& element) {
                             const auto* number = element.as_integer();
                             return number != nullptr ? std::optional(std::to_string(number->get()))
                                                      : element.value_exact<std::string>();
                           });
}

std::optional<std::uint64_t> TableReader::seconds(const std::string& key) {
  if (!is_text(key)) {
    const auto value = number(key, 0, UINT32_MAX);
    return value ? std::optional(static_cast<std::uint64_t>(value->value)) : std::nullopt;
  }
  const auto given = text(key);
  const auto parsed = parse_seconds(given->value);
  if (!parsed) {
    report(given->line, fmt::format("'{}' in {}: '{}' is no time: write 90, \"90s\", \"5m\", "
                                    "\"4h\" or \"2d\"",
                                    key, what_, given->value));
  }
  return parsed;
}

std::optional<std::size_t> TableReader::choice(const std::string& key,
                                               const std::vector<std::string>& choices) {
  const auto value = text(key);
  if (!value) {
    return std::nullopt;
  }
  const auto found = std::find(choices.begin(), choices.end(), value->value);
  if (found == choices.end()) {
    report(value->line, fmt::format("'{}' in {} must be one of \"{}\"; it is \"{}\"", key, what_,
                                    fmt::join(choices, "\", \""), value->value));
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - choices.begin());
}

void TableReader::table(const std::string& key, const std::function<void(TableReader&)>& read) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return;
  }
  const auto* inner = node->as_table();
  if (inner == nullptr) {
    wrong_type(key, *node, fmt::format("a table: write [{}]", key));
    return;
  }
  TableReader reader(*inner, fmt::format("[{}]", key), context_);
  read(reader);
  reader.finish();
}

void TableReader::tables(const std::string& key, const std::function<void(TableReader&)>& read) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return;
  }
  const auto* array = node->as_array();
  if (array == nullptr) {
    wrong_type(key, *node, fmt::format("an array of tables: write [[{}]]", key));
    return;
  }
  for (const toml::node& element : *array) {
    const auto* inner = element.as_table();
    if (inner == nullptr) {
      wrong_type(key, element, fmt::format("an array of tables: write [[{}]]", key));
      return;
    }
    TableReader reader(*inner, fmt::format("[[{}]]", key), context_);
    read(reader);
    reader.finish();
  }
}

void TableReader::finish() {
  for (const auto& [key, node] : *table_) {
    const std::string name(key.str());
    if (!known_.contains(name)) {
      report(node.source().begin.line,
             fmt::format("{} has no key '{}': {}", what_, name, suggestion(name, known_)));
    }
  }
  for (const std::string& key : missing_) {
    report(line(), fmt::format("{} needs '{}': write {} = \"...\"", what_, key, key));
  }
}

}  // namespace gotthard::config
