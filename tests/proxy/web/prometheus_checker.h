// Reads the Prometheus text format (version 0.0.4) strictly: whatever the format forbids is named.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace breakwater::test {

class PrometheusChecker {
 public:
  explicit PrometheusChecker(std::string_view text) {
    if (!text.ends_with('\n')) Complain("the last line has no end", text);
    while (!text.empty()) {
      const size_t end = text.find('\n');
      Line(text.substr(0, end));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
  }

  std::vector<std::string> complaints;
  std::map<std::string, std::string> types;    // by name
  std::map<std::string, std::string> samples;  // value by name and labels, as written

 private:
  void Complain(std::string_view what, std::string_view line) {
    complaints.push_back(std::string(what) + ": " + std::string(line));
  }
  static bool IsNameChar(char c, bool first) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (!first && c >= '0' && c <= '9');
  }
  static std::string TakeName(std::string_view& text) {
    size_t i = 0;
    while (i < text.size() && IsNameChar(text[i], i == 0)) ++i;
    const std::string name(text.substr(0, i));
    text.remove_prefix(i);
    return name;
  }
  static bool Take(std::string_view& text, std::string_view expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(expected.size());
    return true;
  }

  void Line(std::string_view line) {
    std::string_view rest = line;
    if (Take(rest, "# HELP ")) {
      const std::string name = TakeName(rest);
      if (name.empty() || !Take(rest, " ") || rest.empty()) Complain("bad HELP", line);
      if (!helped_.insert(name).second) Complain("second HELP", line);
    } else if (Take(rest, "# TYPE ")) {
      const std::string name = TakeName(rest);
      if (!Take(rest, " ") || (rest != "counter" && rest != "gauge" && rest != "histogram")) {
        Complain("bad TYPE", line);
      }
      if (!types.emplace(name, rest).second) Complain("second TYPE", line);
      current_ = name;
    } else {
      Sample(line);
    }
  }

  bool BelongsToCurrent(std::string_view name) const {
    if (current_.empty() || !name.starts_with(current_)) return false;
    const std::string_view suffix = name.substr(current_.size());
    if (types.at(current_) != "histogram") return suffix.empty();
    return suffix == "_bucket" || suffix == "_sum" || suffix == "_count";
  }

  bool Labels(std::string_view& rest) {
    std::set<std::string> seen;
    while (true) {
      const std::string label = TakeName(rest);
      if (label.empty() || !seen.insert(label).second || !Take(rest, "=\"")) return false;
      while (!rest.empty() && rest[0] != '"') {
        if (rest[0] == '\\') {
          if (rest.size() < 2 || (rest[1] != '\\' && rest[1] != '"' && rest[1] != 'n')) {
            return false;
          }
          rest.remove_prefix(1);
        }
        rest.remove_prefix(1);
      }
      if (!Take(rest, "\"")) return false;
      if (Take(rest, "}")) return true;
      if (!Take(rest, ",")) return false;
    }
  }

  void Sample(std::string_view line) {
    std::string_view rest = line;
    const std::string name = TakeName(rest);
    if (name.empty()) return Complain("no name", line);
    if (!BelongsToCurrent(name)) Complain("not after its TYPE", line);
    if (Take(rest, "{") && !Labels(rest)) return Complain("bad labels", line);
    const std::string key(line.substr(0, line.size() - rest.size()));
    if (!Take(rest, " ")) return Complain("no space before the value", line);
    char* end = nullptr;
    const std::string value(rest);
    (void)std::strtod(value.c_str(), &end);
    if (value.empty() || *end != '\0') Complain("bad value", line);
    if (!samples.emplace(key, value).second) Complain("second sample", line);
  }

  std::set<std::string> helped_;
  std::string current_;
};

}  // namespace breakwater::test
