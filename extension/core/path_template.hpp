#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace factory::core {

/// Names and decoded values of the captures of a path.
using Captures = std::vector<std::pair<std::string, std::string>>;

/// A path such as "/v1/members/{user_id}".
class PathTemplate {
 public:
  struct Segment {
    bool capture;
    std::string text;  // the literal, or the capture's name
    bool operator==(const Segment&) const = default;
  };

  /// Reads a template: segments of RFC 3986 unreserved characters, or captures {snake_case} with unique names; no
  /// empty or dot segment, at most 16 segments. Nothing when it is not one.
  static std::optional<PathTemplate> parse(std::string_view text);

  /// The captures when the decoded segments fit; an empty segment fits nothing.
  std::optional<Captures> match(std::span<const std::string> segments) const;

  const std::vector<Segment>& segments() const { return segments_; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<Segment> segments_;
};

}  // namespace factory::core
