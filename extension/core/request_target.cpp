#include "core/request_target.hpp"

#include <algorithm>

#include "core/problem.hpp"
#include "core/utf8.hpp"

namespace factory::core {
namespace {

[[noreturn]] void refuse(const char* detail) { throw Problem("bad_request", detail); }

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// pchar of RFC 3986 without the percent sign, which is read before this is asked.
bool is_path_character(char c) {
  return is_letter_or_digit(c) || std::string_view("-._~!$&'()*+,;=:@").find(c) != std::string_view::npos;
}

bool is_query_character(char c) { return is_path_character(c) || c == '/' || c == '?'; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte that a percent code at `position` spells.
char decode_percent(std::string_view text, std::size_t position) {
  const int high = position + 1 < text.size() ? hex_value(text[position + 1]) : -1;
  const int low = position + 2 < text.size() ? hex_value(text[position + 2]) : -1;
  if (high < 0 || low < 0) refuse("the request target holds a broken percent code");
  return static_cast<char>(high << 4 | low);
}

void check_decoded(std::string_view text) {
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    refuse("the request target holds a control character");
  }
  if (!valid_utf8(text)) refuse("the request target is not valid UTF-8");
}

std::string decode(std::string_view text, bool (*allowed)(char), bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      decoded.push_back(decode_percent(text, i));
      i += 2;
    } else if (!allowed(text[i])) {
      refuse("the request target holds a character that must be percent-encoded");
    } else {
      decoded.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
    }
  }
  check_decoded(decoded);
  return decoded;
}

std::string decode_segment(std::string_view text) {
  std::string segment = decode(text, is_path_character, false);
  if (segment == "." || segment == "..") refuse("the path holds a dot segment");
  if (segment.find_first_of("/\\") != std::string::npos) refuse("the path holds an encoded slash");
  return segment;
}

std::vector<std::string> parse_path(std::string_view path) {
  std::vector<std::string> segments;
  if (path == "/") return segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    if (end == 0 && !path.empty()) refuse("the path holds an empty segment");
    segments.push_back(decode_segment(path.substr(0, end)));
    path.remove_prefix(end);
  }
  return segments;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (true) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    const auto equals = std::min(pair.find('='), pair.size());
    std::string name = decode(pair.substr(0, equals), is_query_character, true);
    std::string value = decode(pair.substr(std::min(equals + 1, pair.size())), is_query_character, true);
    if (name.empty()) refuse("the query holds a parameter without a name");
    if (std::ranges::find(parameters, name, &std::pair<std::string, std::string>::first) != parameters.end()) {
      throw Problem("bad_request", "the query names " + clipped(name) + " twice");
    }
    if (parameters.size() == kMaxQueryParameters) refuse("the query holds more than 100 parameters");
    parameters.emplace_back(std::move(name), std::move(value));
    if (end == std::string_view::npos) return parameters;
    query.remove_prefix(end + 1);
  }
}

}  // namespace

const std::string* RequestTarget::find(std::string_view name) const {
  const auto found = std::ranges::find(query, name, &std::pair<std::string, std::string>::first);
  return found == query.end() ? nullptr : &found->second;
}

RequestTarget parse_request_target(std::string_view target) {
  if (target.size() > kMaxTargetSize) throw Problem("target_too_long");
  if (!target.starts_with('/')) refuse("the request target does not begin with a slash");
  const auto mark = std::min(target.find('?'), target.size());
  RequestTarget parsed;
  parsed.segments = parse_path(target.substr(0, mark));
  if (mark + 1 < target.size()) parsed.query = parse_query(target.substr(mark + 1));
  return parsed;
}

}  // namespace factory::core
