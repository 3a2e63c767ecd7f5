// Strict reading of TOML: every key must be known, every value of its type and in range. The first
// error sticks; what is read after it is ignored. Later sections ([[ipsec]] ...) are read with the
// same few calls.
#pragma once

#include <toml++/toml.h>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gotthard::config {

// Where an error is told; shared by all tables of a file.
struct ReadContext {
  std::string path;
  std::optional<Error> error;

  // "FILE:LINE: message"; line 0 is left out. Only the first is kept.
  void report(std::size_t line, const std::string& message);
};

// A value with the line it stands in.
template <typename T>
struct Located {
  T value{};
  std::size_t line = 0;
};

class TableReader {
 public:
  // `what` names the table in messages: "[[port]]".
  TableReader(const toml::table& table, std::string what, ReadContext* context)
      : table_(&table), what_(std::move(what)), context_(context) {}

  // Absent keys give nothing; `required_` ones are reported.
  std::optional<Located<std::string>> text(const std::string& key);
  std::optional<Located<std::string>> required_text(const std::string& key);
  std::optional<Located<std::int64_t>> number(const std::string& key, std::int64_t least,
                                              std::int64_t most);
  std::vector<Located<std::string>> texts(const std::string& key);
  std::vector<Located<std::int64_t>> numbers(const std::string& key, std::int64_t least,
                                             std::int64_t most);
  // Whole numbers too.
  std::optional<Located<double>> real(const std::string& key, double least, double most);
  std::vector<Located<double>> reals(const std::string& key, double least, double most);
  // Texts and whole numbers, mixed; numbers as they would be written.
  std::vector<Located<std::string>> words(const std::string& key);
  std::optional<bool> flag(const std::string& key);
  // A number of them, or "90", "60s", "5m", "1h", "2d".
  std::optional<std::uint64_t> seconds(const std::string& key);
  // One of `choices`, as its index.
  std::optional<std::size_t> choice(const std::string& key,
                                    const std::vector<std::string>& choices);
  // Calls `read` for the table, or for each of the array of tables.
  void table(const std::string& key, const std::function<void(TableReader&)>& read);
  void tables(const std::string& key, const std::function<void(TableReader&)>& read);

  // Reports keys that nobody asked for, with the nearest known one, then required ones that are
  // not there: a mistyped key is both.
  void finish();

  void report(std::size_t line, const std::string& message) { context_->report(line, message); }
  [[nodiscard]] bool has(const std::string& key) const { return table_->contains(key); }
  [[nodiscard]] bool is_text(const std::string& key) const {
    return table_->get(key) != nullptr && table_->get(key)->is_string();
  }
  [[nodiscard]] bool is_array(const std::string& key) const {
    return table_->get(key) != nullptr && table_->get(key)->is_array();
  }
  // The key's line, or the table's own.
  [[nodiscard]] std::size_t line_of(const std::string& key) const;
  [[nodiscard]] std::size_t line() const { return table_->source().begin.line; }
  [[nodiscard]] const std::string& what() const { return what_; }

 private:
  const toml::node* find(const std::string& key);
  template <typename T, typename Read>
  std::vector<Located<T>> list(const std::string& key, const std::string& whole,
                               const std::string& each, const Read& read);
  void wrong_type(const std::string& key, const toml::node& node, std::string_view wanted);

  const toml::table* table_;
  std::string what_;
  ReadContext* context_;
  std::set<std::string> known_;
  std::vector<std::string> missing_;
};

}  // namespace gotthard::config
