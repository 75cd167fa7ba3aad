#include "core/mail_template.hpp"

#include <algorithm>

#include "core/problem.hpp"

namespace factory::core {
namespace {

constexpr std::string_view begin_mark = "{{", end_mark = "}}";

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 50 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

// The next placeholder: where it begins, and its name; nothing when there is none, an empty name when it is malformed.
struct Placeholder {
  std::size_t begin = std::string_view::npos;
  std::string_view name;
  std::size_t end = 0;
};

Placeholder next_placeholder(std::string_view source) {
  Placeholder found;
  found.begin = source.find(begin_mark);
  if (found.begin == std::string_view::npos) return found;
  const auto inside = found.begin + begin_mark.size();
  const auto end = source.find(end_mark, inside);
  if (end == std::string_view::npos || !is_name(source.substr(inside, end - inside))) return found;
  found.name = source.substr(inside, end - inside);
  found.end = end + end_mark.size();
  return found;
}

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
}

[[noreturn]] void unacceptable(std::string_view name, const char* code, const char* detail) {
  throw Problem("validation_failed", "see errors for each field", {{"#/data/" + std::string(name), code, detail}});
}

}  // namespace

std::string mail_template_fault(std::string_view source) {
  for (;;) {
    const Placeholder next = next_placeholder(source);
    if (next.begin == std::string_view::npos) return {};
    if (next.name.empty()) return "each {{ must be followed by a name of a-z, 0-9 and _, and by }}";
    source.remove_prefix(next.end);
  }
}

std::string render_mail(std::string_view source, const MailValues& values, MailFormat format) {
  std::string out;
  for (;;) {
    const Placeholder next = next_placeholder(source);
    out.append(source.substr(0, next.begin));
    if (next.begin == std::string_view::npos) return out;
    if (next.name.empty()) throw Problem("validation_failed", mail_template_fault(source));
    const auto value = values.find(next.name);
    if (value == values.end()) unacceptable(next.name, "required", "the template needs it");
    if (next.name.ends_with("url") && !value->second.starts_with("https://") && !value->second.starts_with("http://"))
      unacceptable(next.name, "invalid_value", "it must be an http or https URL");
    if (format == MailFormat::html)
      append_escaped(out, value->second);
    else
      out += value->second;
    source.remove_prefix(next.end);
  }
}

}  // namespace factory::core
