#include "core/password_policy.hpp"

#include <algorithm>
#include <bitset>
#include <iterator>
#include <string>

namespace factory::core {
namespace {

constexpr std::string_view kCommon[] = {
#include "common_passwords.inc"
};

constexpr std::size_t kMinDifferentBytes = 3;

std::string lower_ascii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::size_t different_bytes(std::string_view text) {
  std::bitset<256> seen;
  for (const char c : text) seen.set(static_cast<unsigned char>(c));
  return seen.count();
}

}  // namespace

PasswordVerdict check_password(std::string_view password, std::string_view email) {
  if (password.size() < kMinPasswordSize) return PasswordVerdict::too_short;
  if (password.size() > kMaxPasswordSize) return PasswordVerdict::too_long;
  const std::string lower = lower_ascii(password);
  const std::string address = lower_ascii(email);
  if (lower == address || lower == address.substr(0, address.find('@'))) return PasswordVerdict::same_as_address;
  if (different_bytes(lower) < kMinDifferentBytes || std::ranges::binary_search(kCommon, lower)) {
    return PasswordVerdict::common;
  }
  return PasswordVerdict::ok;
}

const char* describe(PasswordVerdict verdict) {
  switch (verdict) {
    case PasswordVerdict::ok:
      return "";
    case PasswordVerdict::too_short:
      return "A password has at least 8 bytes.";
    case PasswordVerdict::too_long:
      return "A password has at most 128 bytes.";
    case PasswordVerdict::common:
      return "This password is among the first that attackers try.";
    case PasswordVerdict::same_as_address:
      return "A password must not be the e-mail address or its first part.";
  }
  return "";
}

std::span<const std::string_view> common_passwords() { return kCommon; }

}  // namespace factory::core
