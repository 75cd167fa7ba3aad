#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace factory::core {

/// The strong entity tag of a row's version counter: "v3" in its quotes.
std::string format_etag(std::int64_t version);

/// The condition of an If-Match header.
struct IfMatch {
  bool any = false;
  /// Versions named; tags of another form are read but can never match.
  std::vector<std::int64_t> versions;

  bool allows(std::int64_t version) const;
};

/// Reads an If-Match field (RFC 9110 13.1.1): `*` or a list of strong entity tags. Nothing when it is malformed or
/// holds a weak tag, which cannot guard a write.
std::optional<IfMatch> parse_if_match(std::string_view header);

}  // namespace factory::core
