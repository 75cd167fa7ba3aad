#include "core/etag.hpp"

#include <algorithm>
#include <charconv>

namespace factory::core {
namespace {

void trim(std::string_view& text) {
  const auto first = text.find_first_not_of(" \t");
  text.remove_prefix(std::min(first, text.size()));
  text.remove_suffix(text.size() - std::min(text.find_last_not_of(" \t") + 1, text.size()));
}

// etagc of RFC 9110 8.8.3
bool is_tag_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
}

std::optional<std::int64_t> version_of(std::string_view tag) {
  if (tag.size() < 2 || tag[0] != 'v' || (tag[1] == '0' && tag.size() > 2)) return std::nullopt;
  std::int64_t version = 0;
  const char* const end = tag.data() + tag.size();
  const auto [stop, error] = std::from_chars(tag.data() + 1, end, version);
  if (error != std::errc() || stop != end || version < 0) return std::nullopt;
  return version;
}

}  // namespace

std::string format_etag(std::int64_t version) { return "\"v" + std::to_string(version) + '"'; }

bool IfMatch::allows(std::int64_t version) const {
  return any || std::ranges::find(versions, version) != versions.end();
}

std::optional<IfMatch> parse_if_match(std::string_view header) {
  trim(header);
  if (header == "*") return IfMatch{true, {}};
  IfMatch condition;
  bool found = false;
  while (true) {
    trim(header);
    // A list may hold empty elements (RFC 9110 5.6.1.2).
    if (header.starts_with('"')) {
      const auto end = header.find('"', 1);
      if (end == std::string_view::npos) return std::nullopt;
      const auto tag = header.substr(1, end - 1);
      if (!std::ranges::all_of(tag, is_tag_character)) return std::nullopt;
      if (const auto version = version_of(tag)) condition.versions.push_back(*version);
      found = true;
      header.remove_prefix(end + 1);
      trim(header);
    }
    if (header.empty()) break;
    if (header.front() != ',') return std::nullopt;
    header.remove_prefix(1);
  }
  if (!found) return std::nullopt;
  return condition;
}

}  // namespace factory::core
