#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace factory::core {

inline constexpr std::size_t kMaxTargetSize = 8192;
inline constexpr std::size_t kMaxQueryParameters = 100;

/// A request target in parts, decoded.
struct RequestTarget {
  /// "/v1/a%20b" gives {"v1", "a b"}; "/" gives none; a trailing slash gives a last empty segment, which no route has.
  std::vector<std::string> segments;
  /// In the order sent, names unique; '+' is a space, as in HTML forms.
  std::vector<std::pair<std::string, std::string>> query;

  /// The value of a query parameter, or nullptr.
  const std::string* find(std::string_view name) const;
};

/// Reads an origin-form target (RFC 9112 3.2.1, RFC 3986). Throws Problem("target_too_long") over 8 KiB and
/// Problem("bad_request") for all that is not strict: bytes outside RFC 3986, broken percent codes, decoded control
/// bytes, bad UTF-8, encoded slashes, dot segments, empty inner segments, nameless or repeated parameters.
RequestTarget parse_request_target(std::string_view target);

}  // namespace factory::core
