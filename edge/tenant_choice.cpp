#include "edge/tenant_choice.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace factory::edge {
namespace {

constexpr std::size_t tenant_digits = 22;
// After the prefix: tenant, 32 random characters, 6 of checksum.
constexpr std::size_t key_digits = tenant_digits + 32 + 6;

std::string formatted(const std::array<std::uint8_t, 16>& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t index = 0; index < bytes.size(); ++index) {
    if (index == 4 || index == 6 || index == 8 || index == 10) text += '-';
    text += digits[bytes[index] >> 4];
    text += digits[bytes[index] & 15];
  }
  return text;
}

std::optional<std::string> canonical_uuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string out(text);
  for (std::size_t index = 0; index < out.size(); ++index) {
    const bool dash = index == 8 || index == 13 || index == 18 || index == 23;
    char& c = out[index];
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c + ('a' - 'A'));
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? c != '-' : !hex) return std::nullopt;
  }
  return out;
}

int base62_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  if (c >= 'a' && c <= 'z') return c - 'a' + 36;
  return -1;
}

std::optional<std::string> tenant_of_key(std::string_view key) {
  if (!key.starts_with("pf_live_") && !key.starts_with("pf_test_")) return std::nullopt;
  key.remove_prefix(8);
  const auto is_digit = [](char c) { return base62_value(c) >= 0; };
  if (key.size() != key_digits || !std::all_of(key.begin(), key.end(), is_digit)) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  for (const char digit : key.substr(0, tenant_digits)) {
    int carry = base62_value(digit);
    for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
      carry += *byte * 62;
      *byte = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    if (carry != 0) return std::nullopt;
  }
  return formatted(bytes);
}

// The token of "Bearer <token>"; the scheme's name has no case (RFC 9110 section 11.1).
std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; };
  if (authorization.size() <= scheme.size() ||
      !std::equal(scheme.begin(), scheme.end(), authorization.begin(), [&](char b, char a) { return same(a, b); })) {
    return {};
  }
  authorization.remove_prefix(scheme.size());
  return authorization.substr(std::min(authorization.find_first_not_of(' '), authorization.size()));
}

}  // namespace

std::variant<Destination, GateError> choose_destination(const RequestHead& head) {
  const auto* key = head.find(Field::x_api_key);
  const auto* authorization = head.find(Field::authorization);
  const auto token = authorization ? bearer_token(*authorization) : std::string_view{};
  if (key && authorization && token != *key) {
    return GateError{"ambiguous_credentials", "Authorization and X-API-Key hold different credentials."};
  }
  if (const auto* tenant = head.find(Field::x_tenant_id)) {
    auto id = canonical_uuid(*tenant);
    if (!id) return GateError{"invalid_tenant_id", "x-tenant-id is not a UUID."};
    return Destination{std::move(id)};
  }
  return Destination{tenant_of_key(key ? std::string_view(*key) : token)};
}

std::optional<Destination> parse_destination(std::string_view text) {
  if (text == "global") return Destination{};
  auto id = canonical_uuid(text);
  if (!id) return std::nullopt;
  return Destination{std::move(id)};
}

}  // namespace factory::edge
