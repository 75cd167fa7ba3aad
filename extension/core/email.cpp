#include "core/email.hpp"

#include <algorithm>

namespace factory::core {
namespace {

constexpr std::size_t kMaxAddressSize = 254;
constexpr std::size_t kMaxLocalSize = 64;
constexpr std::size_t kMaxLabelSize = 63;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_atom_character(char c) {
  return is_letter_or_digit(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_atom(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_atom_character); }

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= kMaxLabelSize && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) { return c == '-' || is_letter_or_digit(c); });
}

// Whether every part between dots passes; the last part is left in `last`.
template <typename Check>
bool all_parts(std::string_view text, Check check, std::string_view& last) {
  for (std::size_t dot = 0; dot != std::string_view::npos; text.remove_prefix(dot + 1)) {
    dot = text.find('.');
    last = text.substr(0, dot);
    if (!check(last)) return false;
    if (dot == std::string_view::npos) break;
  }
  return true;
}

bool is_host(std::string_view domain) {
  std::string_view top;
  return domain.find('.') != std::string_view::npos && all_parts(domain, is_label, top) &&
         !std::ranges::all_of(top, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<std::string> normalize_email(std::string_view address) {
  if (address.size() > kMaxAddressSize) return std::nullopt;
  std::string lower(address);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const std::string_view text = lower;
  const auto at = text.find('@');
  if (at == std::string_view::npos || at > kMaxLocalSize) return std::nullopt;
  std::string_view last;
  if (!all_parts(text.substr(0, at), is_atom, last) || !is_host(text.substr(at + 1))) return std::nullopt;
  return lower;
}

}  // namespace factory::core
