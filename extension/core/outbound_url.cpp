#include "core/outbound_url.hpp"

#include <algorithm>
#include <charconv>

namespace factory::core {
namespace {

constexpr std::size_t longest_url = 2048;
constexpr std::size_t longest_host = 253;

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool valid_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

bool valid_host(std::string_view host) {
  if (host.starts_with('[')) {
    const std::string_view inner = host.substr(1, host.size() - 2);
    return host.ends_with(']') && inner.size() >= 2 &&
           std::ranges::all_of(inner, [](char c) { return is_alphanumeric(c) || c == ':' || c == '.'; });
  }
  return !host.empty() && host.size() <= longest_host && is_alphanumeric(host.front()) &&
         is_alphanumeric(host.back()) &&
         std::ranges::all_of(host, [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

}  // namespace

std::string_view outbound_url_authority(std::string_view url) {
  const auto begin = url.find("://");
  if (begin == std::string_view::npos) return {};
  url.remove_prefix(begin + 3);
  return url.substr(0, url.find_first_of("/?#"));
}

std::string outbound_url_fault(std::string_view url, bool secure_only) {
  if (url.size() > longest_url) return "it must have at most 2048 characters";
  const bool plain = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; });
  if (!plain) return "it must be printable ASCII without spaces and backslashes";
  const bool secure = url.starts_with("https://");
  if (!secure && !url.starts_with("http://")) return "it must begin with https://";
  if (!secure && secure_only) return "it must begin with https://: no network is open to http";
  if (url.find('#') != std::string_view::npos) return "it must have no fragment";
  const std::string_view authority = outbound_url_authority(url);
  if (authority.find('@') != std::string_view::npos) return "it must not hold a user name or password";
  const auto colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  if (has_port && !valid_port(authority.substr(colon + 1))) return "its port must be from 1 to 65535";
  if (!valid_host(has_port ? authority.substr(0, colon) : authority)) return "it must name a host";
  return {};
}

}  // namespace factory::core
