// Pieces of HTML that are well-formed XML too.
#pragma once

#include <string>
#include <vector>

namespace gotthard::perf::report {

// For text and for attributes in either quotes. Control characters, which XML has no way to write,
// become question marks.
[[nodiscard]] std::string escape(const std::string& text);

// Cells are text, not markup. The first `words` columns are aligned to the left, the rest are
// numbers.
class Table {
 public:
  Table(std::vector<std::string> header, std::size_t words)
      : header_(std::move(header)), words_(words) {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::string html() const;

 private:
  [[nodiscard]] std::string row_html(const std::vector<std::string>& row, const char* cell) const;

  std::vector<std::string> header_;
  std::size_t words_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace gotthard::perf::report
