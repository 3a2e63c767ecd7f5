// Whether a text could be read as XML.
#pragma once

#include <string>
#include <vector>

namespace gotthard::perf::report {

// What is wrong with `text` as XML; empty: elements are balanced, attributes quoted, and each & is
// of an entity.
inline std::string malformed(const std::string& text) {
  std::vector<std::string> open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '&') {
      const std::string entity = text.substr(i, text.find(';', i) - i + 1);
      if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;" &&
          entity != "&#39;") {
        return "no entity: " + text.substr(i, 20);
      }
    }
    if (text[i] != '<' || text.substr(i, 9) == "<!DOCTYPE") {
      continue;
    }
    std::size_t end = i + 1;
    for (char quote = 0; end < text.size() && (quote != 0 || text[end] != '>'); ++end) {
      if (quote == 0 && text[end] == '<') {
        return "< within a tag: " + text.substr(i, 60);
      }
      if (text[end] == quote) {
        quote = 0;
      } else if (quote == 0 && (text[end] == '\'' || text[end] == '"')) {
        quote = text[end];
      }
    }
    if (end == text.size()) {
      return "a tag without end: " + text.substr(i, 60);
    }
    const std::string tag = text.substr(i + 1, end - i - 1);
    const auto word_end = tag.find_first_of(" \n/", 1);
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) {
        return "</" + tag.substr(1) + "> where </" + (open.empty() ? "" : open.back()) +
               "> belongs";
      }
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, word_end));
    }
    i = end;
  }
  return open.empty() ? "" : "not closed: " + open.back();
}

}  // namespace gotthard::perf::report
