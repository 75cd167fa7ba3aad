#include "core/path_template.hpp"

#include <algorithm>

namespace factory::core {
namespace {

constexpr std::size_t kMaxSegments = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

bool is_unreserved(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

bool is_literal(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && std::ranges::all_of(text, is_unreserved);
}

bool is_name(std::string_view text) {
  return !text.empty() && is_lower(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

std::optional<PathTemplate::Segment> parse_segment(std::string_view text) {
  if (text.size() > 2 && text.starts_with('{') && text.ends_with('}')) {
    const auto name = text.substr(1, text.size() - 2);
    if (!is_name(name)) return std::nullopt;
    return PathTemplate::Segment{true, std::string(name)};
  }
  if (!is_literal(text)) return std::nullopt;
  return PathTemplate::Segment{false, std::string(text)};
}

}  // namespace

std::optional<PathTemplate> PathTemplate::parse(std::string_view text) {
  PathTemplate path;
  path.text_ = text;
  if (text == "/") return path;
  if (!text.starts_with('/')) return std::nullopt;
  while (!text.empty()) {
    text.remove_prefix(1);
    const auto end = std::min(text.find('/'), text.size());
    auto segment = parse_segment(text.substr(0, end));
    if (!segment || path.segments_.size() == kMaxSegments) return std::nullopt;
    const auto same_name = [&](const Segment& other) { return other.capture && other == *segment; };
    if (std::ranges::any_of(path.segments_, same_name)) return std::nullopt;
    path.segments_.push_back(std::move(*segment));
    text.remove_prefix(end);
  }
  return path;
}

std::optional<Captures> PathTemplate::match(std::span<const std::string> segments) const {
  if (segments.size() != segments_.size()) return std::nullopt;
  Captures captures;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].empty()) return std::nullopt;
    if (segments_[i].capture) {
      captures.emplace_back(segments_[i].text, segments[i]);
    } else if (segments_[i].text != segments[i]) {
      return std::nullopt;
    }
  }
  return captures;
}

}  // namespace factory::core
