#include "perf/report/markup.h"

#include <fmt/format.h>

namespace gotthard::perf::report {

std::string escape(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default: {
        const bool control = static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t';
        result += control ? '?' : c;
      }
    }
  }
  return result;
}

std::string Table::row_html(const std::vector<std::string>& row, const char* cell) const {
  std::string text = "<tr>";
  for (std::size_t i = 0; i < row.size(); ++i) {
    text +=
        fmt::format("<{0}{1}>{2}</{0}>", cell, i < words_ ? " class='word'" : "", escape(row[i]));
  }
  return text + "</tr>\n";
}

std::string Table::html() const {
  std::string text =
      "<div class='table'><table>\n<thead>" + row_html(header_, "th") + "</thead>\n<tbody>\n";
  for (const auto& row : rows_) {
    text += row_html(row, "td");
  }
  return text + "</tbody>\n</table></div>\n";
}

}  // namespace gotthard::perf::report
